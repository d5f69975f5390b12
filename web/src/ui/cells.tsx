/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useRef } from 'react';
import type { KeyboardEvent, MouseEvent } from 'react';

export interface Cell { shape: 'ok' | 'done' | 'warn' | 'crit' | 'off' | 'prog' | 'pend'; label: string }

function paint(x: CanvasRenderingContext2D, shape: Cell['shape'], px: number, py: number, p: number, color: (name: string) => string) {
	const m = p - 2;
	const cx = px + m / 2;
	const cy = py + m / 2;
	const r = m / 2;
	const ink = shape === 'ok' ? color('--cell') : shape === 'done' ? color('--ok-mark') : shape === 'pend' ? color('--line-strong') : color(`--${shape}-mark`);
	x.fillStyle = ink;
	x.strokeStyle = ink;
	x.lineWidth = 1.5;
	x.beginPath();
	if (shape === 'ok') {
		const k = Math.max(2, Math.round(m * 0.5));
		const o = Math.floor((m - k) / 2);
		x.fillRect(px + o, py + o, k, k);
	} else if (shape === 'done') {
		const k = Math.round(m * 0.62);
		x.fillRect(px + (m - k) / 2, py + (m - k) / 2, k, k);
	} else if (shape === 'warn') {
		x.moveTo(cx, py - 0.5);
		x.lineTo(px + m + 0.5, py + m);
		x.lineTo(px - 0.5, py + m);
		x.fill();
	} else if (shape === 'crit') {
		x.fillRect(px, py, m, m);
	} else if (shape === 'pend') {
		x.moveTo(cx, py);
		x.lineTo(px + m, cy);
		x.lineTo(cx, py + m);
		x.lineTo(px, cy);
		x.closePath();
		x.stroke();
	} else if (shape === 'off') {
		x.arc(cx, cy, r - 0.8, 0, 7);
		x.stroke();
	} else {
		x.arc(cx, cy, r - 0.8, 0, 7);
		x.stroke();
		x.beginPath();
		x.arc(cx, cy, r - 0.8, Math.PI / 2, Math.PI * 1.5);
		x.fill();
	}
}

/**
 * One cell per node on a canvas: healthy cells are small and grey, every other state is larger and
 * has a shape of its own. Arrow keys move, Enter opens; the caller offers the same as a table.
 */
export function Cells(props: { cells: Cell[]; label: string; pitch?: number; onOpen?: (index: number) => void }) {
	const ref = useRef<HTMLCanvasElement>(null);
	const cursor = useRef(-1);
	const { cells, onOpen } = props;

	useEffect(() => {
		const canvas = ref.current;
		if (!canvas) return undefined;
		const draw = () => {
			const width = canvas.clientWidth;
			if (width === 0) return;
			const p = props.pitch ?? (cells.length <= 60 ? 16 : width < 200 ? 8 : 10);
			const cols = Math.max(1, Math.floor((width + 2) / p));
			const height = Math.max(1, Math.ceil(cells.length / cols)) * p;
			const ratio = window.devicePixelRatio || 1;
			canvas.width = width * ratio;
			canvas.height = height * ratio;
			canvas.style.height = `${height}px`;
			canvas.dataset.cols = String(cols);
			canvas.dataset.pitch = String(p);
			const x = canvas.getContext('2d');
			if (!x) return;
			x.scale(ratio, ratio);
			const css = getComputedStyle(document.documentElement);
			const seen: Record<string, string> = {};
			const color = (name: string) => (seen[name] ??= css.getPropertyValue(name).trim());
			cells.forEach((cell, i) => {
				const px = (i % cols) * p + 0.5;
				const py = Math.floor(i / cols) * p + 0.5;
				paint(x, cell.shape, px, py, p, color);
				if (i === cursor.current && document.activeElement === canvas) {
					x.strokeStyle = color('--accent');
					x.lineWidth = 2;
					x.strokeRect(px - 1, py - 1, p, p);
				}
			});
		};
		draw();
		const observer = new ResizeObserver(draw);
		observer.observe(canvas);
		const dark = matchMedia('(prefers-color-scheme: dark)');
		window.addEventListener('muster-theme', draw);
		dark.addEventListener('change', draw);
		canvas.addEventListener('muster-cursor', draw);
		canvas.addEventListener('blur', draw);
		return () => {
			observer.disconnect();
			window.removeEventListener('muster-theme', draw);
			dark.removeEventListener('change', draw);
			canvas.removeEventListener('muster-cursor', draw);
			canvas.removeEventListener('blur', draw);
		};
	}, [cells, props.pitch]);

	const at = (e: MouseEvent<HTMLCanvasElement>) => {
		const canvas = e.currentTarget;
		const p = Number(canvas.dataset.pitch);
		const cols = Number(canvas.dataset.cols);
		const box = canvas.getBoundingClientRect();
		const col = Math.floor((e.clientX - box.left) / p);
		const i = Math.floor((e.clientY - box.top) / p) * cols + col;
		return col < cols && i >= 0 && i < cells.length ? i : -1;
	};
	const move = (to: number) => {
		const canvas = ref.current;
		if (!canvas || cells.length === 0) return;
		cursor.current = Math.max(0, Math.min(cells.length - 1, to));
		canvas.title = cells[cursor.current].label;
		canvas.dispatchEvent(new Event('muster-cursor'));
	};
	const onKey = (e: KeyboardEvent<HTMLCanvasElement>) => {
		const cols = Number(e.currentTarget.dataset.cols);
		const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: cols, ArrowUp: -cols };
		if (e.key in steps) move(cursor.current + steps[e.key]);
		else if (e.key === 'Enter' && cursor.current >= 0) onOpen?.(cursor.current);
		else return;
		e.preventDefault();
	};

	return (
		<canvas
			ref={ref}
			className="cells"
			height={10}
			role="img"
			aria-label={props.label}
			tabIndex={onOpen ? 0 : undefined}
			onKeyDown={onOpen ? onKey : undefined}
			onFocus={() => move(Math.max(0, cursor.current))}
			onMouseMove={(e) => {
				const i = at(e);
				e.currentTarget.title = i >= 0 ? cells[i].label : '';
				e.currentTarget.style.cursor = i >= 0 && onOpen ? 'pointer' : 'default';
			}}
			onClick={(e) => {
				const i = at(e);
				if (i >= 0) onOpen?.(i);
			}}
		/>
	);
}
