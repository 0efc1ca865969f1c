// Builds what is served into dist/: each part is one classic script, so that it loads from any site without CORS. Names
// carry a hash and are kept by browsers for good; manifest.json says which is which. Some have none: loader.js, around
// which the server puts each source's configuration, analytics.js, which it may write after it, and webview.js, whose
// address is published.

import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist/`;

/** @type {Record<string, string>} */
const parts = {
  loader: 'widget/loader/loader.ts',
  manager: 'widget/manager/index.ts',
  launcher: 'widget/launcher/index.ts',
  debug: 'widget/debug/toolbar.ts',
  chat: 'widget/chat/index.tsx',
  webview: 'widget/webview/sdk.ts',
  analytics: 'widget/analytics/analytics.ts',
};

/** @param {string} entry */
async function bundle(entry) {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'warn',
    define: { 'process.env.NODE_ENV': '"production"' },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      write: false,
      target: 'es2022',
      cssCodeSplit: false,
      lib: { entry: root + entry, formats: ['iife'], name: 'frontdesk_part' },
      rollupOptions: { output: { extend: false } },
    },
  });
  const outputs = Array.isArray(result) ? result : [result];
  const chunk = outputs.flatMap((each) => ('output' in each ? each.output : [])).find((each) => each.type === 'chunk');
  if (!chunk || chunk.type !== 'chunk') throw new Error(`${entry}: nothing was built`);
  return chunk.code;
}

await rm(dist, { recursive: true, force: true });
await mkdir(`${dist}assets`, { recursive: true });
/** @type {Record<string, string>} */
const manifest = {};
for (const [name, entry] of Object.entries(parts)) {
  const code = await bundle(entry);
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 12);
  const plain = ['loader', 'analytics', 'webview'].includes(name);
  manifest[name] = plain ? `${name}.js` : `assets/${name}-${hash}.js`;
  await writeFile(dist + manifest[name], code);
  if (!plain) await writeFile(`${dist}${manifest[name]}.gz`, gzipSync(code, { level: 9 }));
}
await writeFile(`${dist}manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
