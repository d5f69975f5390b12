/* SPDX-License-Identifier: Apache-2.0 */
import { defineConfig } from 'vitest/config';
import react from '@vitejs/plugin-react';

/*
 * The content security policy of the server allows files of its own origin and nothing inline, so
 * every asset stays a file (assetsInlineLimit 0) and no module preload polyfill is injected.
 */
const server = process.env.MUSTER_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
	plugins: [react()],
	build: {
		target: 'es2022',
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
	worker: { format: 'es' },
	server: { proxy: { '/api': { target: server, secure: false } } },
	test: { include: ['test/**/*.test.ts'], environment: 'node' },
});
