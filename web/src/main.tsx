/* SPDX-License-Identifier: Apache-2.0 */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { I18nProvider, initialLang, loadLang } from './i18n';
import { queryClient } from './app/query-client';
import { router } from './app/router';
import './styles/tokens.css';
import './styles/app.css';
import './styles/more.css';

/* After an update of the server the old chunks are gone: load the page once more, not in a circle. */
window.addEventListener('vite:preloadError', () => {
	const key = 'muster.reloaded';
	const last = Number(sessionStorage.getItem(key) ?? 0);
	if (Date.now() - last < 30_000) return;
	sessionStorage.setItem(key, String(Date.now()));
	location.reload();
});

const lang = initialLang();
void loadLang(lang).then((words) => {
	createRoot(document.getElementById('root')!).render(
		<StrictMode>
			<QueryClientProvider client={queryClient}>
				<I18nProvider lang={lang} words={words}>
					<RouterProvider router={router} />
				</I18nProvider>
			</QueryClientProvider>
		</StrictMode>,
	);
});
