/* SPDX-License-Identifier: Apache-2.0 */
import { Link, Outlet, useRouter } from '@tanstack/react-router';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { useT } from '../i18n';
import type { Problem } from '../api/client';
import { ProblemBox } from '../ui/feedback';

export function Root() {
	return <Outlet />;
}

export function NotFound() {
	const t = useT();
	return (
		<main className="main lone" id="main">
			<h1>{t('error.notFound')}</h1>
			<p className="why">{t('error.notFoundDetail')}</p>
			<p>
				<Link to="/">{t('nav.overview')}</Link>
			</p>
		</main>
	);
}

/** A page that could not be shown: server away at start, or a bug; both can be tried again. */
export function Broken({ error, reset }: ErrorComponentProps) {
	const router = useRouter();
	const retry = () => {
		reset();
		void router.invalidate();
	};
	return (
		<main className="main lone" id="main">
			<ProblemBox problem={error as Problem} retry={retry} />
		</main>
	);
}
