// Builds the package into client/dist/: one module without dependencies, and its types.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  build: {
    outDir: `${root}client/dist`,
    target: 'es2022',
    minify: false,
    lib: { entry: `${root}client/index.ts`, formats: ['es'], fileName: () => 'messaging.js' },
  },
});
execFileSync(`${root}node_modules/.bin/tsc`, ['-p', `${root}client`], { stdio: 'inherit' });
