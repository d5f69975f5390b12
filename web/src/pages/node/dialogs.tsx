/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { patch, post } from '../../api/client';
import { useAct } from '../../api/hooks';
import type { Node } from '../../api/types';
import { FormDialog } from '../../ui/dialog';
import { Field } from '../../ui/field';
import { parseLabels } from '../enrol';

const labelText = (labels: Record<string, string> | null) =>
	Object.entries(labels ?? {})
		.map(([k, v]) => `${k}=${v}`)
		.join(', ');

export function EditNode({ node, onClose }: { node: Node; onClose: () => void }) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const [name, setName] = useState(node.name);
	const [text, setText] = useState(labelText(node.labels));
	const labels = parseLabels(text);
	const save = useAct(
		() => patch<Node>(`/nodes/${node.id}`, { name: name === node.name ? undefined : name, labels: labels ?? undefined }, node.revision),
		['nodes', 'overview'],
		(saved) => {
			onClose();
			if (saved.name !== node.name) void navigate({ to: '/nodes/$id', params: { id: saved.name }, replace: true });
		},
	);
	return (
		<FormDialog title={t('node.editTitle', { node: node.name })} submit={t('action.save')} onClose={onClose} onSubmit={() => save.mutate(undefined)} busy={save.isPending} problem={save.error} blocked={labels === null || !name}>
			<Field label={t('common.name')} value={name} onChange={(e) => setName(e.target.value)} pattern="[a-z0-9][a-z0-9._\-]{0,62}" hint={t('common.nameHint')} required />
			<Field label={t('node.labels')} value={text} onChange={(e) => setText(e.target.value)} hint={labels === null ? t('enrol.labelsBad') : t('enrol.labelsHint')} />
		</FormDialog>
	);
}

export function RetireNode({ node, onClose }: { node: Node; onClose: () => void }) {
	const { t } = useI18n();
	const [typed, setTyped] = useState('');
	const retire = useAct(() => post(`/nodes/${node.id}/retire`), ['nodes', 'overview'], onClose);
	return (
		<FormDialog danger title={t('node.retireTitle', { node: node.name })} submit={t('node.retireGo')} onClose={onClose} onSubmit={() => retire.mutate(undefined)} busy={retire.isPending} problem={retire.error} blocked={typed !== node.name}>
			<p className="dim">{t('node.retireWhy')}</p>
			<Field
				label={
					<>
						{t('nodes.typeToConfirm')} <code>{node.name}</code>
					</>
				}
				value={typed}
				onChange={(e) => setTyped(e.target.value)}
				autoComplete="off"
			/>
		</FormDialog>
	);
}
