/* SPDX-License-Identifier: Apache-2.0 */
import { useCallback, useEffect, useRef, useState } from 'react';
import { useI18n } from '../i18n';
import { num } from '../i18n/format';
import { get } from '../api/client';
import type { Problem } from '../api/client';
import type { LogLine, Page } from '../api/types';
import { clock, fullTime, parseTime } from '../lib/time';
import { useClockMode } from '../lib/clock-mode';
import { stripAnsi } from '../lib/ansi';
import { Btn } from './button';
import { Empty, Loading, ProblemBox } from './feedback';
import { Glyph } from './icon';

const ring = 5_000;
const page = 300;
const poll = 2_000;

/* With `services` the view has its own filters (a node's tab), otherwise the page above has them. */
interface Props { node?: string; service?: string; text?: string; services?: string[]; names?: Record<string, string> }

/*
 * The tail: new lines are fetched after the last id that is held. Reading pauses it (any scroll
 * away from the end), the bar says why, how much waits and which key resumes.
 */
function useTail(props: Props) {
	const { node, service, text } = props;
	const [lines, setLines] = useState<LogLine[] | null>(null);
	const [waiting, setWaiting] = useState<LogLine[]>([]);
	const [paused, setPaused] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [older, setOlder] = useState(true);
	const pausedRef = useRef(false);
	const lastId = useRef(0);
	pausedRef.current = paused;

	useEffect(() => {
		const stop = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		setLines(null);
		setWaiting([]);
		lastId.current = 0;
		const query = { node, service, text, limit: page };
		const step = async (first: boolean) => {
			try {
				if (first || !document.hidden) {
					const answer = await get<Page<LogLine>>('/logs', first ? query : { ...query, after: lastId.current }, stop.signal);
					const items = answer.items;
					setProblem(null);
					if (items.length > 0) lastId.current = items[items.length - 1].id;
					if (first) {
						setLines(items);
						setOlder(items.length >= page);
					} else if (items.length > 0) {
						if (pausedRef.current) setWaiting((w) => [...w, ...items].slice(-ring));
						else setLines((l) => [...(l ?? []), ...items].slice(-ring));
					}
				}
			} catch (error) {
				if (stop.signal.aborted) return;
				setProblem(error as Problem);
			}
			timer = setTimeout(() => void step(lastId.current === 0), poll);
		};
		void step(true);
		return () => {
			stop.abort();
			clearTimeout(timer);
		};
	}, [node, service, text]);

	const resume = useCallback(() => {
		setPaused(false);
		setWaiting((w) => {
			if (w.length > 0) setLines((l) => [...(l ?? []), ...w].slice(-ring));
			return [];
		});
	}, []);

	const loadOlder = async () => {
		const first = lines?.[0];
		if (!first) return;
		try {
			const answer = await get<Page<LogLine>>('/logs', { node, service, text, before: first.id, limit: page });
			setOlder(answer.items.length >= page);
			setLines((l) => [...answer.items, ...(l ?? [])]);
			setPaused(true);
		} catch (error) {
			setProblem(error as Problem);
		}
	};

	return { lines, waiting: waiting.length, paused, setPaused, resume, problem, older, loadOlder };
}

function Hit({ line, text }: { line: string; text?: string }) {
	const at = text ? line.toLowerCase().indexOf(text.toLowerCase()) : -1;
	if (!text || at < 0) return <>{line}</>;
	return (
		<>
			{line.slice(0, at)}
			<mark>{line.slice(at, at + text.length)}</mark>
			{line.slice(at + text.length)}
		</>
	);
}

export function LogView(props: Props) {
	const { t } = useI18n();
	const [service, setService] = useState(props.service ?? '');
	const [text, setText] = useState(props.text ?? '');
	const [draft, setDraft] = useState(props.text ?? '');
	const mode = useClockMode();
	const box = useRef<HTMLDivElement>(null);
	const tail = useTail({ node: props.node, service: props.services ? service : props.service, text: props.services ? text : props.text });
	const { lines, paused, setPaused, resume } = tail;

	useEffect(() => {
		const el = box.current;
		if (el && !paused) el.scrollTop = el.scrollHeight;
	}, [lines, paused]);

	const onScroll = () => {
		const el = box.current;
		if (!el) return;
		const end = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
		if (!end && !paused) setPaused(true);
		if (end && paused) resume();
	};

	return (
		<section className="panel logs">
			{props.services && (
				<header>
					<h2>{t('nav.logs')}</h2>
					<form
						className="row wrap"
						onSubmit={(e) => {
							e.preventDefault();
							setText(draft.trim());
						}}
					>
						<select className="pick" aria-label={t('common.service')} value={service} onChange={(e) => setService(e.target.value)}>
							<option value="">{t('logs.allServices')}</option>
							{props.services.map((s) => (
								<option key={s}>{s}</option>
							))}
						</select>
						<input className="input slim" type="search" aria-label={t('logs.search')} placeholder={t('logs.search')} value={draft} onChange={(e) => setDraft(e.target.value)} />
					</form>
				</header>
			)}
			{tail.problem && <ProblemBox problem={tail.problem} />}
			{lines === null && !tail.problem && <Loading />}
			{lines?.length === 0 && <Empty title={t('logs.none')}>{t('logs.noneDetail')}</Empty>}
			{lines !== null && lines.length > 0 && (
				<div
					className="loglines scroll"
					ref={box}
					onScroll={onScroll}
					tabIndex={0}
					role="log"
					aria-label={t('nav.logs')}
					aria-live="off"
					onKeyDown={(e) => {
						if (e.key === 'End') resume();
					}}
				>
					{tail.older && (
						<div className="center">
							<Btn small kind="quiet" onClick={() => void tail.loadOlder()}>
								{t('logs.older')}
							</Btn>
						</div>
					)}
					{lines.map((l) => {
						const at = parseTime(l.at);
						return (
							<div key={l.id} className="ll">
								<span className="ts" title={at ? fullTime(at, mode) : undefined}>
									{at ? clock(at, mode) : ''}
								</span>
								<span className="nd clip">{props.names?.[l.node] ?? (props.services ? props.node : l.node)}</span>
								<span className="sv clip">{l.service}</span>
								<span title={l.stream}>{l.stream === 'stderr' && <Glyph id="skip" tone="off" />}</span>
								<span className="msg">
									<Hit line={stripAnsi(l.text)} text={props.services ? text : props.text} />
								</span>
							</div>
						);
					})}
				</div>
			)}
			{lines !== null && (
				<div className={paused ? 'tail' : 'tail live-on'}>
					<Glyph id={paused ? 'pause' : 'ok'} tone={paused ? 'warn' : 'ok'} />
					<span>{paused ? t('logs.paused', { n: tail.waiting }) : t('logs.live', { n: num(lines.length) })}</span>
					<span className="grow" />
					{paused ? (
						<Btn small icon="down-end" onClick={resume}>
							{t('logs.resume')}
						</Btn>
					) : (
						<Btn small icon="pause" onClick={() => setPaused(true)}>
							{t('logs.pause')}
						</Btn>
					)}
				</div>
			)}
		</section>
	);
}
