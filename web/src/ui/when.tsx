/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useState } from 'react';
import { clock, duration, fullTime, parseTime, shortTime } from '../lib/time';
import { useClockMode } from '../lib/clock-mode';

/** An instant: short in the row, the whole ISO time with offset on hover. */
export function When({ at, style = 'short' }: { at: string | null | undefined; style?: 'short' | 'full' | 'clock' }) {
	const mode = useClockMode();
	const date = parseTime(at);
	if (!date) return <span className="dimmer">–</span>;
	const text = style === 'full' ? fullTime(date, mode) : style === 'clock' ? clock(date, mode) : shortTime(date, new Date(), mode);
	return (
		<time dateTime={date.toISOString()} title={fullTime(date, mode)}>
			{text}
		</time>
	);
}

/** The present, once a second, for what counts up or down on screen. */
export function useNow(every = 1000): number {
	const [now, setNow] = useState(Date.now());
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), every);
		return () => clearInterval(timer);
	}, [every]);
	return now;
}

export function Since({ at }: { at: string | null | undefined }) {
	const now = useNow();
	const date = parseTime(at);
	if (!date) return <>–</>;
	return <span title={fullTime(date)}>{duration(Math.max(0, (now - date.getTime()) / 1000))}</span>;
}
