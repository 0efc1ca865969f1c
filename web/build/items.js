// The items that every source is created with, for tests and for the budget: what the server makes of widget/items/.

import { readFile } from 'node:fs/promises';

const folder = new URL('../widget/items/', import.meta.url);
const read = (/** @type {string} */ name) => readFile(new URL(name, folder), 'utf8');

/**
 * @typedef {{ type: 'button' | 'invitation', position: 'floating' | 'fixed' | null, offline: boolean, html: string,
 *   css: string, texts: Record<string, Record<string, string>> }} Default
 */

/**
 * Their ids are 24 times their number, from 1.
 * @param {string} locale
 * @returns {Promise<import('../widget/protocol.ts').Item[]>}
 */
export async function defaultItems(locale) {
  /** @type {Default[]} */
  const defaults = JSON.parse(await read('defaults.json'));
  return Promise.all(
    defaults.map(async ({ type, position, offline, html, css, texts }, index) => {
      const text = texts[locale] ?? {};
      const styles = (await read(css)).replace(/^\$highlight-color.*$/m, '').replaceAll('$highlight-color', '#53cca4');
      return {
        id: `${index + 1}`.repeat(24),
        label: text.label ?? '',
        type,
        ...(position && { position }),
        offline,
        html: (await read(html)).replace(/%\{(\w+)\}/g, (_, /** @type {string} */ name) => text[name] ?? '').replace(/\s*\n\s*/g, ''),
        css: styles.replace(/\s+/g, ' ').replace(/ ?([{};:,]) ?/g, '$1').replaceAll(';}', '}').trim(),
      };
    }),
  );
}
