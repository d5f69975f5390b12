/* SPDX-License-Identifier: Apache-2.0 */
/* Runs before the first paint, so that neither theme nor language flickers. A file of its own,
   because the content security policy allows no inline script. */
(function () {
	var root = document.documentElement;
	try {
		var theme = localStorage.getItem('muster.theme');
		var lang = localStorage.getItem('muster.lang');
		if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
		if (!lang) lang = /^zh\b/i.test(navigator.language) ? 'zh' : 'en';
		root.lang = lang === 'zh' ? 'zh-CN' : 'en';
	} catch (e) {
		/* Storage may be forbidden; the system's theme and English are fine then. */
	}
})();
