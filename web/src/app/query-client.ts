/* SPDX-License-Identifier: Apache-2.0 */
import { QueryClient } from '@tanstack/react-query';
import { pollInterval } from '../api/live';
import type { Problem } from '../api/client';

/* Events say when something is old, so data stays fresh until then; while no events come, pages poll. */
export const queryClient = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: 15_000,
			refetchOnWindowFocus: true,
			refetchInterval: pollInterval,
			retry: (count, error) => {
				const status = (error as unknown as Problem).status;
				return (status === 0 || status >= 500) && count < 2;
			},
		},
		mutations: { retry: false },
	},
});
