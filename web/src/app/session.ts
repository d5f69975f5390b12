/* SPDX-License-Identifier: Apache-2.0 */
import { useQuery } from '@tanstack/react-query';
import { Problem, del, get, post, rememberSession } from '../api/client';
import type { Role, Session } from '../api/types';
import { queryClient } from './query-client';

const key = ['session'];

/* A project chosen earlier in this tab; the server's first one otherwise. */
function chosen(session: Session): Session {
	const id = sessionStorage.getItem('muster.project');
	const project = session.projects?.find((p) => p.id === id);
	return project ? { ...session, project } : session;
}

/*
 * The cookie cannot be seen from here. Remembering that somebody signed in saves asking for a session
 * that cannot be there; without storage we ask.
 */
const hint = 'muster.signed-in';

function mayBeSignedIn(): boolean {
	try {
		return localStorage.getItem(hint) !== null;
	} catch {
		return true;
	}
}

function note(signedIn: boolean): void {
	try {
		if (signedIn) localStorage.setItem(hint, '1');
		else localStorage.removeItem(hint);
	} catch {
		/* Then every start asks the server. */
	}
}

async function read(): Promise<Session | null> {
	if (!mayBeSignedIn()) return null;
	try {
		const session = chosen(await get<Session>('/session'));
		rememberSession(session);
		return session;
	} catch (error) {
		if (error instanceof Problem && error.status === 401) {
			rememberSession(null);
			note(false);
			return null;
		}
		throw error;
	}
}

const options = { queryKey: key, queryFn: read, staleTime: 5 * 60_000 };

export const ensureSession = () => queryClient.ensureQueryData(options);

export function useSession(): Session | null {
	return useQuery(options).data ?? null;
}

export async function signIn(login: string, password: string): Promise<void> {
	const session = chosen(await post<Session>('/session', { login, password }));
	rememberSession(session);
	note(true);
	queryClient.clear();
	queryClient.setQueryData(key, session);
}

export async function signOut(): Promise<void> {
	await del('/session').catch(() => undefined);
	rememberSession(null);
	note(false);
	queryClient.clear();
	queryClient.setQueryData(key, null);
}

export function forgetSession(): void {
	note(false);
	rememberSession(null);
	queryClient.setQueryData(key, null);
}

export function switchProject(session: Session, id: string): void {
	const project = session.projects.find((p) => p.id === id);
	if (!project) return;
	sessionStorage.setItem('muster.project', id);
	const next = { ...session, project };
	rememberSession(next);
	queryClient.clear();
	queryClient.setQueryData(key, next);
}

const rank: Record<Role, number> = { viewer: 0, operator: 1, approver: 2, admin: 3 };

export function useCan(role: Role): boolean {
	const session = useSession();
	return session !== null && rank[session.project.role] >= rank[role];
}
