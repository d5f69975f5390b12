/* SPDX-License-Identifier: Apache-2.0 */
import { QueryClient } from '@tanstack/react-query';
import type { Problem } from '../api/client';

/* Events say when something is old, so data stays fresh until then; the interval is the net below. */
export const queryClient = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: 15_000,
			refetchOnWindowFocus: true,
			retry: (count, error) => {
				const status = (error as unknown as Problem).status;
				return (status === 0 || status >= 500) && count < 2;
			},
		},
		mutations: { retry: false },
	},
});
