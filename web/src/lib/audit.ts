/* SPDX-License-Identifier: Apache-2.0 */
import type { Key, Translate } from '../i18n';
import type { AuditRow } from '../api/types';

const opaque = /^[a-z2-7]{20,21}$/;

/** What an entry is about, in a word that people know: a number or a name, never a bare id. */
export function auditObject(row: AuditRow): string {
	const text = (name: string) => (typeof row.detail?.[name] === 'string' ? (row.detail[name] as string) : '');
	const id = row.object_id && !opaque.test(row.object_id) ? row.object_id : '';
	const name = row.object_name || text('name') || text('login') || id;
	const number = row.detail?.number;
	return typeof number === 'number' ? `R-${number} ${name}`.trim() : name;
}

/** Who did what, as a sentence; actions without words of their own show their name. */
export function auditWords(t: Translate, has: (key: string) => key is Key, row: AuditRow): string {
	const actor = row.actor_name || row.actor_id || row.actor_kind;
	const object = auditObject(row);
	/* The overview knows the node that a variable belongs to, the audit page the variable's own name. */
	const key = `audit.${row.action}${row.action.startsWith('variable.') && row.object_name ? 'On' : ''}`;
	return (has(key) ? t(key, { actor, object }) : t('audit.other', { actor, action: row.action, object })).trim();
}
