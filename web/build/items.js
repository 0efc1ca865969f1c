// The items that every source is created with, for tests and for the budget: what the server makes of widget/items/.

import { readFile } from 'node:fs/promises';

const folder = new URL('../widget/items/', import.meta.url);
const read = (/** @type {string} */ name) => readFile(new URL(name, folder), 'utf8');

/**
 * @typedef {{ type: 'button' | 'invitation', position: 'floating' | 'fixed' | null, offline: boolean, html: string,
 *   css: string, labels: Record<string, string> }} Default
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
    defaults.map(async ({ type, position, offline, html, css, labels }, index) => {
      const plain = (await read(css)).replace(/^(\/\/|\$|@if).*$/gm, '');
      const styles = plain.replaceAll('$highlight-color', '#53cca4').replaceAll('$on-highlight', '#06281d');
      return {
        id: `${index + 1}`.repeat(24),
        label: labels[locale] ?? '',
        type,
        ...(position && { position }),
        offline,
        html: (await read(html)).replace(/\s*\n\s*/g, ''),
        css: styles.replace(/\s+/g, ' ').replace(/ ?([{};:,]) ?/g, '$1').replaceAll(';}', '}').trim(),
      };
    }),
  );
}
