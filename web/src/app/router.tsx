/* SPDX-License-Identifier: Apache-2.0 */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { ensureSession, forgetSession } from './session';
import { whenUnauthorized } from '../api/client';
import { Shell } from './shell';
import { Broken, NotFound, Root } from './root';

const text = (value: unknown): string | undefined => (value === undefined || value === null || value === '' ? undefined : String(value));

/** Keeps only the named search parameters, each as text: the URL is the whole state of a page. */
function params<K extends string>(...names: K[]) {
	return (search: Record<string, unknown>) => {
		const out: Partial<Record<K, string>> = {};
		for (const name of names) {
			const value = text(search[name]);
			if (value !== undefined) out[name] = value;
		}
		return out;
	};
}

const rootRoute = createRootRoute({ component: Root, notFoundComponent: NotFound });

const signin = createRoute({
	getParentRoute: () => rootRoute,
	path: '/signin',
	validateSearch: params('next'),
	component: lazyRouteComponent(() => import('../pages/signin'), 'SignIn'),
});

const shell = createRoute({
	getParentRoute: () => rootRoute,
	id: 'app',
	beforeLoad: async ({ location }) => {
		if ((await ensureSession()) === null) throw redirect({ to: '/signin', search: { next: location.href } });
	},
	component: Shell,
	errorComponent: Broken,
});

const overview = createRoute({ getParentRoute: () => shell, path: '/', component: lazyRouteComponent(() => import('../pages/overview'), 'Overview') });
const enrol = createRoute({ getParentRoute: () => shell, path: '/enrol', component: lazyRouteComponent(() => import('../pages/enrol'), 'Enrol') });
const nodes = createRoute({
	getParentRoute: () => shell,
	path: '/nodes',
	validateSearch: params('q', 'sort', 'node'),
	component: lazyRouteComponent(() => import('../pages/nodes'), 'Nodes'),
});
const node = createRoute({
	getParentRoute: () => shell,
	path: '/nodes/$id',
	validateSearch: params('tab', 'service'),
	component: lazyRouteComponent(() => import('../pages/node'), 'NodePage'),
});
const configs = createRoute({ getParentRoute: () => shell, path: '/configs', component: lazyRouteComponent(() => import('../pages/configs'), 'Configs') });
const config = createRoute({
	getParentRoute: () => shell,
	path: '/configs/$name',
	validateSearch: params('from', 'to', 'mode', 'view'),
	component: lazyRouteComponent(() => import('../pages/config'), 'ConfigPage'),
});
const configEdit = createRoute({
	getParentRoute: () => shell,
	path: '/configs/$name/edit',
	component: lazyRouteComponent(() => import('../pages/config-edit'), 'ConfigEdit'),
});
const rollouts = createRoute({
	getParentRoute: () => shell,
	path: '/rollouts',
	validateSearch: params('state'),
	component: lazyRouteComponent(() => import('../pages/rollouts'), 'Rollouts'),
});
const rolloutNew = createRoute({
	getParentRoute: () => shell,
	path: '/rollouts/new',
	validateSearch: params('selector', 'nodes', 'selection', 'service', 'config', 'version', 'package'),
	component: lazyRouteComponent(() => import('../pages/rollout-new'), 'RolloutNew'),
});
const rollout = createRoute({
	getParentRoute: () => shell,
	path: '/rollouts/$id',
	validateSearch: params('wave', 'state', 'cause'),
	component: lazyRouteComponent(() => import('../pages/rollout'), 'RolloutPage'),
});
const alerts = createRoute({
	getParentRoute: () => shell,
	path: '/alerts',
	validateSearch: params('state', 'alert'),
	component: lazyRouteComponent(() => import('../pages/alerts'), 'Alerts'),
});
const logs = createRoute({
	getParentRoute: () => shell,
	path: '/logs',
	validateSearch: params('node', 'service', 'text'),
	component: lazyRouteComponent(() => import('../pages/logs'), 'Logs'),
});
const packages = createRoute({ getParentRoute: () => shell, path: '/packages', component: lazyRouteComponent(() => import('../pages/packages'), 'Packages') });
const webhooks = createRoute({
	getParentRoute: () => shell,
	path: '/webhooks',
	validateSearch: params('id'),
	component: lazyRouteComponent(() => import('../pages/webhooks'), 'Webhooks'),
});
const audit = createRoute({ getParentRoute: () => shell, path: '/audit', component: lazyRouteComponent(() => import('../pages/audit'), 'Audit') });
const settings = createRoute({
	getParentRoute: () => shell,
	path: '/settings',
	validateSearch: params('tab'),
	component: lazyRouteComponent(() => import('../pages/settings'), 'Settings'),
});

const routeTree = rootRoute.addChildren([
	signin,
	shell.addChildren([overview, enrol, nodes, node, configs, config, configEdit, rollouts, rolloutNew, rollout, alerts, logs, packages, webhooks, audit, settings]),
]);

export const router = createRouter({ routeTree, defaultPreload: 'intent', scrollRestoration: true });

whenUnauthorized(() => {
	forgetSession();
	void router.navigate({ to: '/signin', search: { next: router.state.location.href } });
});

declare module '@tanstack/react-router' {
	interface Register {
		router: typeof router;
	}
}
