/* SPDX-License-Identifier: Apache-2.0 */
import { uuid } from '../lib/uuid';
import type { Session } from './types';

/** A problem+json answer (RFC 9457), or what stands in for one when the server could not be reached. */
export class Problem extends Error {
	status: number;
	title: string;
	detail: string;
	code: string;
	requestId: string;
	fields: { field?: string; detail: string }[];
	/** The whole answer: some problems bring more than words, such as the plan that would hold now. */
	body: Record<string, unknown>;

	constructor(p: { status: number; title: string; detail?: string; code?: string; requestId?: string; fields?: { field?: string; detail: string }[]; body?: Record<string, unknown> }) {
		super(p.detail || p.title);
		this.name = 'Problem';
		this.status = p.status;
		this.title = p.title;
		this.detail = p.detail ?? '';
		this.code = p.code ?? '';
		this.requestId = p.requestId ?? '';
		this.fields = p.fields ?? [];
		this.body = p.body ?? {};
	}
}

export type Query = Record<string, string | number | boolean | undefined | null>;
interface Options { query?: Query; body?: unknown; ifMatch?: string | number; signal?: AbortSignal }

const base = '/api/v1';
let csrf = '';
let project = '';
let onUnauthorized: () => void = () => undefined;

export function rememberSession(session: Session | null): void {
	csrf = session?.csrf ?? '';
	project = session?.project.id ?? '';
}

export function whenUnauthorized(callback: () => void): void {
	onUnauthorized = callback;
}

export function apiUrl(path: string, query?: Query): string {
	const params = new URLSearchParams();
	for (const [key, value] of Object.entries(query ?? {})) {
		if (value !== undefined && value !== null && value !== '') params.set(key, String(value));
	}
	const text = params.toString();
	return base + path + (text ? '?' + text : '');
}

async function problemOf(response: Response): Promise<Problem> {
	const requestId = response.headers.get('X-Request-Id') ?? response.headers.get('Request-Id') ?? '';
	let body: Record<string, unknown> = {};
	try {
		body = (await response.json()) as Record<string, unknown>;
	} catch {
		/* A proxy in between may answer with HTML; the status then has to do. */
	}
	const text = (key: string) => (typeof body[key] === 'string' ? (body[key] as string) : '');
	return new Problem({
		status: response.status,
		title: text('title') || response.statusText || String(response.status),
		detail: text('detail'),
		code: text('code'),
		requestId: text('instance') || requestId,
		fields: Array.isArray(body.errors) ? (body.errors as { field?: string; detail: string }[]) : [],
		body,
	});
}

/** One request. Resolves to the decoded body (undefined for 204), rejects with a Problem. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
	const headers: Record<string, string> = { Accept: 'application/json' };
	if (project) headers['Muster-Project'] = project;
	if (method !== 'GET') {
		headers['Content-Type'] = 'application/json';
		if (csrf) headers['X-CSRF-Token'] = csrf;
		if (method === 'POST') headers['Idempotency-Key'] = uuid();
	}
	if (options.ifMatch !== undefined) headers['If-Match'] = `"${options.ifMatch}"`;
	let response: Response;
	try {
		response = await fetch(apiUrl(path, options.query), {
			method,
			headers,
			credentials: 'same-origin',
			signal: options.signal,
			body: options.body === undefined ? undefined : JSON.stringify(options.body),
		});
	} catch (error) {
		if (error instanceof DOMException && error.name === 'AbortError') throw error;
		throw new Problem({ status: 0, title: 'unreachable', code: 'unreachable' });
	}
	if (!response.ok) {
		if (response.status === 401 && path !== '/session') onUnauthorized();
		throw await problemOf(response);
	}
	if (response.status === 204 || response.headers.get('Content-Length') === '0') return undefined as T;
	return (await response.json()) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => request<T>('GET', path, { query, signal });
export const post = <T>(path: string, body: unknown = {}) => request<T>('POST', path, { body });
export const patch = <T>(path: string, body: unknown, ifMatch?: number) => request<T>('PATCH', path, { body, ifMatch });
export const put = <T>(path: string, body: unknown) => request<T>('PUT', path, { body });
export const del = (path: string) => request<void>('DELETE', path);
