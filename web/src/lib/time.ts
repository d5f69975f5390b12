/* SPDX-License-Identifier: Apache-2.0 */
const pad = (n: number, width = 2) => String(n).padStart(width, '0');

export type TimeZoneMode = 'local' | 'utc';

interface Parts { y: number; mo: number; d: number; h: number; mi: number; s: number; offset: string }

function parts(date: Date, mode: TimeZoneMode): Parts {
	if (mode === 'utc') {
		return {
			y: date.getUTCFullYear(), mo: date.getUTCMonth() + 1, d: date.getUTCDate(),
			h: date.getUTCHours(), mi: date.getUTCMinutes(), s: date.getUTCSeconds(), offset: 'Z',
		};
	}
	const off = -date.getTimezoneOffset();
	return {
		y: date.getFullYear(), mo: date.getMonth() + 1, d: date.getDate(),
		h: date.getHours(), mi: date.getMinutes(), s: date.getSeconds(),
		offset: (off < 0 ? '-' : '+') + pad(Math.floor(Math.abs(off) / 60)) + ':' + pad(Math.abs(off) % 60),
	};
}

export function parseTime(value: string | number | null | undefined): Date | null {
	if (value === null || value === undefined || value === '') return null;
	const date = new Date(value);
	return Number.isNaN(date.getTime()) ? null : date;
}

export function clock(date: Date, mode: TimeZoneMode = 'local'): string {
	const p = parts(date, mode);
	return `${pad(p.h)}:${pad(p.mi)}:${pad(p.s)}`;
}

/** Absolute, 24 h, with offset: `2026-11-22 10:47:31 +08:00`. */
export function fullTime(date: Date, mode: TimeZoneMode = 'local'): string {
	const p = parts(date, mode);
	return `${p.y}-${pad(p.mo)}-${pad(p.d)} ${clock(date, mode)} ${p.offset}`;
}

/** Today only the clock, otherwise month, day and minutes: what a table column has room for. */
export function shortTime(date: Date, now = new Date(), mode: TimeZoneMode = 'local'): string {
	const a = parts(date, mode);
	const b = parts(now, mode);
	if (a.y === b.y && a.mo === b.mo && a.d === b.d) return clock(date, mode);
	const day = `${pad(a.mo)}-${pad(a.d)} ${pad(a.h)}:${pad(a.mi)}`;
	return a.y === b.y ? day : `${a.y}-${day}`;
}

/** `41 d 06:12`, `00:04:11`: how long something has lasted. */
export function duration(seconds: number): string {
	if (!Number.isFinite(seconds) || seconds < 0) return '–';
	const s = Math.floor(seconds);
	const days = Math.floor(s / 86400);
	const h = Math.floor((s % 86400) / 3600);
	const m = Math.floor((s % 3600) / 60);
	if (days > 0) return `${days} d ${pad(h)}:${pad(m)}`;
	if (h > 0) return `${pad(h)}:${pad(m)}:${pad(s % 60)}`;
	return `${pad(m)}:${pad(s % 60)}`;
}

export function bytes(value: number): string {
	if (!Number.isFinite(value)) return '–';
	const units = ['B', 'kB', 'MB', 'GB', 'TB'];
	let v = value;
	let i = 0;
	while (v >= 1000 && i < units.length - 1) {
		v /= 1000;
		i += 1;
	}
	return `${i === 0 || v >= 100 ? Math.round(v) : v.toFixed(1)} ${units[i]}`;
}
