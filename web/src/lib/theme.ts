/* SPDX-License-Identifier: Apache-2.0 */
export type Theme = 'system' | 'light' | 'dark';

const order: Theme[] = ['system', 'light', 'dark'];

export function currentTheme(): Theme {
	const theme = document.documentElement.dataset.theme;
	return theme === 'light' || theme === 'dark' ? theme : 'system';
}

export function nextTheme(theme: Theme): Theme {
	return order[(order.indexOf(theme) + 1) % order.length];
}

/** Applies and keeps the theme; canvases listen for the event, because CSS cannot repaint them. */
export function setTheme(theme: Theme): void {
	const root = document.documentElement;
	if (theme === 'system') delete root.dataset.theme;
	else root.dataset.theme = theme;
	try {
		if (theme === 'system') localStorage.removeItem('muster.theme');
		else localStorage.setItem('muster.theme', theme);
	} catch {
		/* The choice then lasts as long as the page. */
	}
	window.dispatchEvent(new Event('muster-theme'));
}
