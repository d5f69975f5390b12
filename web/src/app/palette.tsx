/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { useGet } from '../api/hooks';
import type { Node, Page } from '../api/types';
import { lookup, nodeLooks } from '../lib/states';
import { Dialog } from '../ui/dialog';
import { Glyph, Icon } from '../ui/icon';
import { mainNav, moreNav } from './nav';

interface Entry { key: string; label: string; icon?: (typeof mainNav)[number]['icon']; node?: Node; go: () => void }

/** Search and jump: pages, actions and nodes by name. On a phone it is the "More" menu as well. */
export function Palette({ onClose }: { onClose: () => void }) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const [text, setText] = useState('');
	const [at, setAt] = useState(0);
	const query = text.trim();
	const nodes = useGet<Page<Node>>('/nodes', { text: query, limit: 8 }, { enabled: query.length > 0, keep: true });

	const pages: Entry[] = [
		...[...mainNav, ...moreNav].map((n) => ({ key: n.to, label: t(n.label), icon: n.icon, go: () => void navigate({ to: n.to }) })),
		{ key: 'enrol', label: t('nodes.enrol'), icon: 'plus' as const, go: () => void navigate({ to: '/enrol' }) },
		{ key: 'new-rollout', label: t('rollouts.new'), icon: 'rollouts' as const, go: () => void navigate({ to: '/rollouts/new' }) },
	].filter((e) => e.label.toLowerCase().includes(query.toLowerCase()));
	const found: Entry[] = query
		? (nodes.data?.items ?? []).map((n) => ({ key: n.id, label: n.name, node: n, go: () => void navigate({ to: '/nodes/$id', params: { id: n.name } }) }))
		: [];
	const entries = [...found, ...pages];
	const chosen = Math.min(at, entries.length - 1);

	const onKey = (e: React.KeyboardEvent) => {
		if (e.nativeEvent.isComposing || e.keyCode === 229) return;
		if (e.key === 'ArrowDown') setAt(Math.min(chosen + 1, entries.length - 1));
		else if (e.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0));
		else if (e.key === 'Enter' && entries[chosen]) {
			entries[chosen].go();
			onClose();
		} else return;
		e.preventDefault();
	};

	return (
		<Dialog title={t('app.findLabel')} onClose={onClose}>
			<input
				className="input"
				type="text"
				role="combobox"
				aria-expanded="true"
				aria-controls="palette-list"
				aria-activedescendant={entries[chosen] ? `palette-${chosen}` : undefined}
				aria-label={t('app.findLabel')}
				placeholder={t('app.find')}
				value={text}
				onChange={(e) => {
					setText(e.target.value);
					setAt(0);
				}}
				onKeyDown={onKey}
			/>
			<ul className="palette" id="palette-list" role="listbox" aria-label={t('app.findLabel')}>
				{entries.map((e, i) => (
					<li
						key={e.key}
						id={`palette-${i}`}
						role="option"
						aria-selected={i === chosen}
						onClick={() => {
							e.go();
							onClose();
						}}
					>
						{e.node ? <Glyph id={lookup(nodeLooks, e.node.status).glyph} tone={lookup(nodeLooks, e.node.status).tone} /> : e.icon ? <Icon id={e.icon} /> : null}
						<span>{e.label}</span>
						{e.node && <span className="t12 dimmer">{t(lookup(nodeLooks, e.node.status).key)}</span>}
					</li>
				))}
			</ul>
		</Dialog>
	);
}
