/* SPDX-License-Identifier: Apache-2.0 */
import type { ReactNode } from 'react';
import { useI18n } from '../i18n';
import type { Look } from '../lib/states';
import { Glyph } from './icon';

/** Glyph and word of a state, for rows. */
export function St({ look, children, title }: { look: Look; children?: ReactNode; title?: string }) {
	const { t } = useI18n();
	return (
		<span className={`st ${look.tone}`} title={title}>
			<Glyph id={look.glyph} tone={look.tone} />
			<span>{children ?? t(look.key)}</span>
		</span>
	);
}

/** The same with ground, beside titles. */
export function Badge({ look, children }: { look: Look; children?: ReactNode }) {
	const { t } = useI18n();
	return (
		<span className={`badge ${look.tone}`}>
			<Glyph id={look.glyph} />
			<span>{children ?? t(look.key)}</span>
		</span>
	);
}
