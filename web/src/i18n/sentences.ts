/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server explains itself in English sentences of a few known forms. A language may bring
 * translations of these forms; a sentence of no known form stays as it came, which is better than
 * hiding it. Groups are sentences themselves and translated as well.
 */
export type Sentence = [form: RegExp, words: string];

export function say(sentences: Sentence[], text: string): string {
	for (const [form, words] of sentences) {
		const match = form.exec(text);
		if (match) return words.replace(/\$(\d)/g, (_, n: string) => (match[Number(n)] === undefined ? '' : say(sentences, match[Number(n)])));
	}
	return text;
}
