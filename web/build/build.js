// Builds what is served into dist/. For visitors each part is one classic script, so that it loads from any site without
// CORS; the console, which only its own site loads, is modules that are loaded when they are needed. Names
// carry a hash and are kept by browsers for good; manifest.json says which is which. Some have none: loader.js, around
// which the server puts each source's configuration, analytics.js, which it may write after it, and webview.js, whose
// address is published.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
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

/** The console: what it begins with is `console`, `console.css`, and what it shares with later parts as `console.begin/` and
 * its name; everything else is `console/` and its name. */
async function bundleConsole() {
  const result = await build({
    root: `${root}console`,
    configFile: false,
    logLevel: 'warn',
    define: { 'process.env.NODE_ENV': '"production"' },
    oxc: { jsx: { runtime: 'automatic', importSource: 'react' } },
    build: {
      write: false,
      target: 'es2022',
      modulePreload: { polyfill: false },
      rollupOptions: {
        // A mark for servers that render React: here is none.
        onwarn: (warning, say) => warning.code !== 'MODULE_LEVEL_DIRECTIVE' && say(warning),
        input: `${root}console/src/index.tsx`,
        output: { entryFileNames: 'assets/console-[hash].js', chunkFileNames: 'assets/console-[name]-[hash].js', assetFileNames: 'assets/console-[hash][extname]' },
      },
    },
  });
  const files = (Array.isArray(result) ? result : [result]).flatMap((each) => ('output' in each ? each.output : []));
  const entry = files.find((file) => file.type === 'chunk' && file.isEntry);
  const begin = new Set();
  const follow = (/** @type {string[]} */ names) => {
    for (const name of names) {
      const chunk = files.find((file) => file.fileName === name);
      if (begin.has(name) || chunk?.type !== 'chunk') continue;
      begin.add(name);
      follow(chunk.imports);
    }
  };
  if (entry?.type === 'chunk') follow(entry.imports);
  /** @type {[string, string, string | Uint8Array][]} */
  const found = files.map((file) => {
    // The styles of what it begins with have its name, those of a part that of the part.
    const isFirst = file.type === 'asset' && file.names.includes('index.css');
    if (file.type === 'asset') return [isFirst ? 'console.css' : `console/${file.names[0] ?? file.fileName}`, file.fileName, file.source];
    const part = file.isEntry ? 'console' : `${begin.has(file.fileName) ? 'console.begin' : 'console'}/${file.name}`;
    return [part, file.fileName, file.code];
  });
  const icon = await readFile(`${root}console/icon.svg`);
  const place = `assets/icon-${hashOf(icon)}.svg`;
  found.push(['console.icon', place, icon]);
  const app = JSON.stringify({
    name: 'Frontdesk',
    short_name: 'Frontdesk',
    id: '/',
    start_url: '/',
    scope: '/',
    display: 'standalone',
    background_color: '#ffffff',
    theme_color: '#3552cc',
    icons: [{ src: `/${place}`, sizes: 'any', type: 'image/svg+xml', purpose: 'any' }],
    shortcuts: [{ name: 'Mine', url: '/inbox/mine' }],
  });
  found.push(['console.app', `assets/console-${hashOf(app)}.webmanifest`, app]);
  return found;
}

/** @param {string | Uint8Array} bytes */
const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 12);

await rm(dist, { recursive: true, force: true });
await mkdir(`${dist}assets`, { recursive: true });
/** @type {Record<string, string>} */
const manifest = {};
for (const [name, entry] of Object.entries(parts)) {
  const code = await bundle(entry);
  const hash = hashOf(code);
  const plain = ['loader', 'analytics', 'webview'].includes(name);
  manifest[name] = plain ? `${name}.js` : `assets/${name}-${hash}.js`;
  await writeFile(dist + manifest[name], code);
  if (!plain) await writeFile(`${dist}${manifest[name]}.gz`, gzipSync(code, { level: 9 }));
}
for (const [name, file, bytes] of await bundleConsole()) {
  // Of two with one name only the last would be in the program.
  if (manifest[name]) throw new Error(`${name}: two parts of the console have this name`);
  manifest[name] = file;
  await writeFile(dist + file, bytes);
  await writeFile(`${dist}${file}.gz`, gzipSync(bytes, { level: 9 }));
}
await writeFile(`${dist}manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
