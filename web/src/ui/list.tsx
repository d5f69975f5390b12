/* SPDX-License-Identifier: Apache-2.0 */
import type { ReactNode } from 'react';
import { useT } from '../i18n';
import type { Problem } from '../api/client';
import { Btn } from './button';
import { Loaded } from './feedback';

export interface Column<T> {
	/** Without one the column holds the actions of a row, and only a screen reader hears its name. */
	head?: ReactNode;
	/** Classes of the head and of the cells: p2 leaves it out on phones, r aligns to the right. */
	th?: string;
	td?: string;
	hover?: (item: T) => string | undefined;
	cell: (item: T) => ReactNode;
}

interface ListProps<T> {
	query: { data: { items: T[] } | undefined; error: Problem | null; refetch: () => unknown };
	label: string;
	empty: ReactNode;
	keyOf: (item: T) => string;
	columns: Column<T>[];
	testId?: string;
}

/** What one query found, as a table; loading, problems and the empty state included. */
export function List<T>({ query, label, empty, keyOf, columns, testId }: ListProps<T>) {
	const t = useT();
	return (
		<Loaded query={query}>
			{({ items }) =>
				items.length === 0 ? (
					empty
				) : (
					<div className="tablewrap" tabIndex={0} role="region" aria-label={label}>
						<table className="t" data-testid={testId}>
							<thead>
								<tr>
									{columns.map((c, i) => (
										<th key={i} className={c.th}>
											{c.head ?? <span className="sr">{t('common.actions')}</span>}
										</th>
									))}
								</tr>
							</thead>
							<tbody>
								{items.map((item) => (
									<tr key={keyOf(item)}>
										{columns.map((c, i) => (
											<td key={i} className={c.td} title={c.hover?.(item)}>
												{c.cell(item)}
											</td>
										))}
									</tr>
								))}
							</tbody>
						</table>
					</div>
				)
			}
		</Loaded>
	);
}

/** The button for the next page of a list that has one. */
export function More({ pages }: { pages: { fetchNextPage: () => unknown } }) {
	const t = useT();
	return (
		<Btn small onClick={() => void pages.fetchNextPage()}>
			{t('common.more')}
		</Btn>
	);
}
