/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import type { KeyboardEvent } from 'react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { Node } from '../../api/types';
import { driftLook, lookup, nodeLooks, serviceLook } from '../../lib/states';
import { Glyph } from '../../ui/icon';
import { St } from '../../ui/status';
import { When } from '../../ui/when';

interface Props {
	nodes: Node[]; total: number; sort: string; onSort: (sort: string) => void;
	selected: Set<string>; setSelected: (ids: Set<string>) => void; peeked: string | undefined; onPeek: (node: Node | null) => void;
}

function Services({ node }: { node: Node }) {
	const { t } = useI18n();
	if (node.services.length === 0) return <span className="dimmer">–</span>;
	return (
		<span className="dots">
			{node.services.map((s) => {
				const look = serviceLook(s, node.status);
				const words = `${s.name}: ${t(look.key)}`;
				return (
					<span key={s.name} className="st" title={words}>
						<Glyph id={look.glyph} tone={look.tone} />
						<span aria-hidden="true">{s.name[0].toUpperCase()}</span>
						<span className="sr">{words}</span>
					</span>
				);
			})}
		</span>
	);
}

function Generation({ node }: { node: Node }) {
	const { t } = useI18n();
	const want = node.desired_generation;
	const have = node.reported_generation;
	if (!want) return <span className="dimmer">–</span>;
	if (have !== want) return <span className="mono">{`${have ?? 0} → ${want}`}</span>;
	if (node.drift) return <St look={driftLook}>{t('node.drift')}</St>;
	return <span className="mono">{have}</span>;
}

function Row({ node, at, props }: { node: Node; at: boolean; props: Props }) {
	const { t, say } = useI18n();
	const on = props.selected.has(node.id);
	const toggle = () => {
		const next = new Set(props.selected);
		if (on) next.delete(node.id);
		else next.add(node.id);
		props.setSelected(next);
	};
	const host = node.health?.host;
	return (
		<tr aria-selected={on} className={at || props.peeked === node.id ? 'cursor' : undefined} onClick={(e) => (e.target as HTMLElement).closest('a,input,button') || props.onPeek(node)}>
			<td>
				<input type="checkbox" className="check" aria-label={t('nodes.select', { name: node.name })} checked={on} onChange={toggle} />
			</td>
			<td className="name-cell">
				<Link className="name" to="/nodes/$id" params={{ id: node.name }}>
					{node.name}
				</Link>
				<span className="sub">{[...Object.values(node.labels ?? {}), say(node.reason ?? '')].filter(Boolean).join(' · ')}</span>
			</td>
			<td title={node.reason ? say(node.reason) : undefined}>
				<St look={lookup(nodeLooks, node.status)} />
			</td>
			<td className="p2">
				<Services node={node} />
			</td>
			<td className="p2">
				<Generation node={node} />
			</td>
			<td className="p2 fold">
				<span className="row gap1">
					{Object.entries(node.labels ?? {})
						.slice(0, 3)
						.map(([k, v]) => (
							<span key={k} className="tag">
								{k}={v}
							</span>
						))}
				</span>
			</td>
			<td className="p2 r num dim fold">{host?.cpu_percent !== undefined && node.status !== 'offline' ? `${Math.round(host.cpu_percent)} %` : '–'}</td>
			<td className="p2 r mono dim">
				<When at={node.last_seen_at} />
			</td>
		</tr>
	);
}

export function NodesTable(props: Props) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const [at, setAt] = useState(-1);
	const { nodes, selected } = props;
	const all = nodes.length > 0 && nodes.every((n) => selected.has(n.id));
	const some = !all && nodes.some((n) => selected.has(n.id));

	const onKey = (e: KeyboardEvent) => {
		if (e.nativeEvent.isComposing || e.ctrlKey || e.metaKey || e.altKey) return;
		const input = (e.target as HTMLElement).tagName === 'INPUT';
		const node = nodes[at];
		if (e.key === 'j' || e.key === 'ArrowDown') setAt(Math.min(at + 1, nodes.length - 1));
		else if (e.key === 'k' || e.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
		else if (e.key === 'Escape') props.onPeek(null);
		else if (e.key === ' ' && node && !input) props.onPeek(node);
		else if (e.key === 'Enter' && node && e.target === e.currentTarget) void navigate({ to: '/nodes/$id', params: { id: node.name } });
		else if (e.key === 'x' && node) {
			const next = new Set(selected);
			if (!next.delete(node.id)) next.add(node.id);
			props.setSelected(next);
		} else return;
		e.preventDefault();
	};

	const sorter = (key: string, label: string, className?: string) => (
		<th className={className} aria-sort={props.sort === key ? (key.startsWith('-') ? 'descending' : 'ascending') : undefined}>
			<button type="button" className="sorter" onClick={() => props.onSort(key)}>
				{label}
				{props.sort === key && <span aria-hidden="true">{key.startsWith('-') ? ' ↓' : ' ↑'}</span>}
			</button>
		</th>
	);

	return (
		<div className="tablewrap" tabIndex={0} role="region" aria-label={t('nodes.table')} onKeyDown={onKey}>
			<table className="t" aria-rowcount={props.total} data-testid="nodes">
				<thead>
					<tr>
						<th>
							<input
								type="checkbox"
								className={some ? 'check mixed' : 'check'}
								aria-label={t('nodes.selectPage')}
								checked={all}
								ref={(el) => {
									if (el) el.indeterminate = some;
								}}
								onChange={() => props.setSelected(all ? new Set() : new Set([...selected, ...nodes.map((n) => n.id)]))}
							/>
						</th>
						{sorter('name', t('common.name'))}
						<th>{t('nodes.status')}</th>
						<th className="p2">{t('node.services')}</th>
						<th className="p2">{t('node.generation')}</th>
						<th className="p2 fold">{t('node.labels')}</th>
						<th className="p2 r fold">CPU</th>
						{sorter('-last_seen', t('node.lastContact'), 'p2 r')}
					</tr>
				</thead>
				<tbody>
					{nodes.map((n, i) => (
						<Row key={n.id} node={n} at={i === at} props={props} />
					))}
				</tbody>
			</table>
		</div>
	);
}
