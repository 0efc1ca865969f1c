// Holds what browsers load against budget.json: each part, gzipped as the server sends it. Bytes; 1 KB is 1,024.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { defaultItems } from './items.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (/** @type {string} */ name) => readFile(root + name, 'utf8');

/** @type {{ parts: Record<string, { of: string[], max: number }> }} */
const budget = JSON.parse(await read('budget.json'));
/** @type {Record<string, string>} */
const manifest = JSON.parse(await read('dist/manifest.json'));

// A source as it is created: its items, and a trigger for each.
const items = await defaultItems('en');
const triggers = items.map(({ id, type }) => ({
  id: `a${id}`.slice(0, 24),
  label: `Default ${type}`,
  conditions: [{ criterion: 'page_visit_duration', position: 'current', operator: 'greater_or_equal', value: 15 }],
  only_if_available: true,
  actions: { [type]: id },
}));
const { manager, launcher, debug } = manifest;
const assets = { manager: `/${manager}`, launcher: `/${launcher}`, debug: `/${debug}`, window: '/chat/6f2d4b0a91c84e7fa3b5/window' };
const config = { token: '6f2d4b0a91c84e7fa3b5', active: true, mode: 'messaging', variables: [], triggers, items, assets };

const sizes = new Map();
for (const [name, file] of Object.entries(manifest)) {
  const code = await read(`dist/${file}`);
  const served = name === 'loader' ? `(frontdesk=>{${code}})(${JSON.stringify(config)});` : code;
  sizes.set(name, gzipSync(served, { level: 9 }).length);
}

/** `console/` stands for every part whose name begins so. */
const isOf = (/** @type {string} */ part, /** @type {string} */ one) => (one.endsWith('/') ? part.startsWith(one) : part === one);

let over = false;
for (const [name, { of, max }] of Object.entries(budget.parts)) {
  const listed = [...sizes.keys()].filter((part) => of.some((one) => isOf(part, one)));
  const size = listed.reduce((sum, part) => sum + sizes.get(part), 0);
  const parts = of.length > 1 ? of.map((one) => `${one} ${listed.filter((part) => isOf(part, one)).reduce((sum, part) => sum + sizes.get(part), 0)}`).join(' + ') : '';
  console.log(`${size > max ? 'OVER' : 'ok  '} ${name.padEnd(26)} ${String(size).padStart(6)} of ${max} bytes  ${parts}`);
  over ||= size > max;
}
const unlisted = [...sizes.keys()].filter((part) => !Object.values(budget.parts).some(({ of }) => of.some((one) => isOf(part, one))));
if (unlisted.length) console.log(`OVER ${unlisted.join(', ')}: not in budget.json`);
process.exitCode = over || unlisted.length ? 1 : 0;
