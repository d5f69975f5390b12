/* SPDX-License-Identifier: Apache-2.0 */
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get } from './client';
import type { Problem, Query } from './client';
import type { Page } from './types';

/*
 * Query keys begin with the first segment of the path ("nodes", "rollouts", ...), so that a change
 * event can invalidate everything of its kind; see live.ts.
 */
function keyOf(path: string, query?: Query): unknown[] {
	return [path.split('/')[1], path, query ?? {}];
}

interface GetOptions { enabled?: boolean; refetchInterval?: number; keep?: boolean }

export function useGet<T>(path: string, query?: Query, options: GetOptions = {}) {
	return useQuery<T, Problem>({
		queryKey: keyOf(path, query),
		queryFn: ({ signal }) => get<T>(path, query, signal),
		enabled: options.enabled,
		...(options.refetchInterval === undefined ? {} : { refetchInterval: options.refetchInterval }),
		placeholderData: options.keep ? keepPreviousData : undefined,
	});
}

/** A list with cursors: pages are appended. */
export function usePages<T>(path: string, query: Query = {}, options: { enabled?: boolean } = {}) {
	return useInfiniteQuery<Page<T>, Problem, { items: T[]; total: number | undefined; bound: boolean }, unknown[], string | undefined>({
		queryKey: [...keyOf(path, query), 'pages'],
		queryFn: ({ signal, pageParam }) => get<Page<T>>(path, { ...query, cursor: pageParam }, signal),
		initialPageParam: undefined,
		getNextPageParam: (last) => last.next_cursor ?? undefined,
		select: (data) => ({ items: data.pages.flatMap((p) => p.items), total: data.pages[0]?.total, bound: data.pages[0]?.total_is_bound ?? false }),
		placeholderData: keepPreviousData,
		enabled: options.enabled,
	});
}

/** A change; afterwards everything under the named keys is read again. */
export function useAct<V, R = unknown>(action: (value: V) => Promise<R>, touches: string[], onDone?: (result: R) => void) {
	const client = useQueryClient();
	return useMutation<R, Problem, V>({
		mutationFn: action,
		onSuccess: (result) => {
			for (const key of touches) void client.invalidateQueries({ queryKey: [key] });
			onDone?.(result);
		},
	});
}
