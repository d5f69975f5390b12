/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useRef } from 'react';
import type { ReactNode } from 'react';

/** A value that lights up once when it changes; it neither moves nor rolls. */
export function Flash({ value, children, className }: { value: string | number; children: ReactNode; className?: string }) {
	const ref = useRef<HTMLSpanElement>(null);
	const before = useRef(value);
	useEffect(() => {
		const el = ref.current;
		if (before.current === value || !el) return;
		before.current = value;
		el.classList.remove('flash');
		/* Reading a layout value lets the same animation start anew. */
		void el.offsetWidth;
		el.classList.add('flash');
	}, [value]);
	return (
		<span ref={ref} className={className}>
			{children}
		</span>
	);
}
