/* SPDX-License-Identifier: Apache-2.0 */
/* Colour codes and carriage-return progress of programs that think they own a terminal. */
const escapes = new RegExp('\\u001b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\u0007]*(?:\\u0007|$)|[@-Z\\\\-_])', 'g');

export function stripAnsi(text: string): string {
	const clean = text.replace(escapes, '').replace(/\r+$/, '');
	const back = clean.lastIndexOf('\r');
	return back >= 0 ? clean.slice(back + 1) : clean;
}
