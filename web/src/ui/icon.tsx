/* SPDX-License-Identifier: Apache-2.0 */
import spriteUrl from './sprite.svg?url';

export type GlyphId = 'ok' | 'warn' | 'crit' | 'off' | 'prog' | 'pause' | 'pend' | 'drift' | 'done' | 'fail' | 'back' | 'skip' | 'ack';
export type Tone = '' | 'ok' | 'warn' | 'crit' | 'off' | 'prog' | 'drift';
export type IconId =
	| 'overview' | 'nodes' | 'groups' | 'configs' | 'rollouts' | 'alerts' | 'logs' | 'packages' | 'audit' | 'settings' | 'search'
	| 'down' | 'right' | 'up' | 'x' | 'copy' | 'pause' | 'play' | 'undo' | 'check' | 'more' | 'filter' | 'columns' | 'sun' | 'download'
	| 'upload' | 'plus' | 'user' | 'menu' | 'site' | 'info' | 'link' | 'clock' | 'tag' | 'restart' | 'lock' | 'bellx' | 'api' | 'stop' | 'down-end';

export function Icon({ id }: { id: IconId }) {
	return (
		<svg className="i" aria-hidden="true">
			<use href={`${spriteUrl}#i-${id}`} />
		</svg>
	);
}

export function Glyph({ id, tone = '' }: { id: GlyphId; tone?: Tone }) {
	return (
		<svg className={tone ? `g ${tone}` : 'g'} aria-hidden="true">
			<use href={`${spriteUrl}#g-${id}`} />
		</svg>
	);
}

export function Mark() {
	return (
		<svg aria-hidden="true">
			<use href={`${spriteUrl}#mark`} />
		</svg>
	);
}
