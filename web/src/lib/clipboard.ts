/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Copies text. navigator.clipboard is missing on plain http, so a hidden text area and the old
 * copy command stand in. Returns whether the text is on the clipboard.
 */
export async function copyText(text: string): Promise<boolean> {
	if (navigator.clipboard) {
		try {
			await navigator.clipboard.writeText(text);
			return true;
		} catch {
			/* Permission refused: the fallback may still be allowed. */
		}
	}
	const area = document.createElement('textarea');
	area.value = text;
	area.readOnly = true;
	area.className = 'sr';
	/* Inside an open modal dialog only its descendants can take the focus. */
	const host = document.querySelector('dialog[open]') ?? document.body;
	const before = document.activeElement;
	host.append(area);
	area.select();
	const done = document.execCommand('copy');
	area.remove();
	if (before instanceof HTMLElement) before.focus();
	return done;
}
