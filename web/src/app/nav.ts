/* SPDX-License-Identifier: Apache-2.0 */
import type { IconId } from '../ui/icon';
import type { Key } from '../i18n';

export interface NavItem { to: string; icon: IconId; label: Key }

export const mainNav: NavItem[] = [
	{ to: '/', icon: 'overview', label: 'nav.overview' },
	{ to: '/nodes', icon: 'nodes', label: 'nav.nodes' },
	{ to: '/configs', icon: 'configs', label: 'nav.configs' },
	{ to: '/rollouts', icon: 'rollouts', label: 'nav.rollouts' },
	{ to: '/alerts', icon: 'alerts', label: 'nav.alerts' },
	{ to: '/logs', icon: 'logs', label: 'nav.logs' },
];

export const moreNav: NavItem[] = [
	{ to: '/packages', icon: 'packages', label: 'nav.packages' },
	{ to: '/webhooks', icon: 'link', label: 'nav.webhooks' },
	{ to: '/audit', icon: 'audit', label: 'nav.audit' },
	{ to: '/settings', icon: 'settings', label: 'nav.settings' },
];

export const bottomNav: NavItem[] = [mainNav[0], mainNav[1], mainNav[3], mainNav[4]];
