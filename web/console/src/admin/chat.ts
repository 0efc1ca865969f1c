// When a source's website offers the chat, and with what: triggers, the catalogue of what they show, and what pages tell of
// their visitors. Kinds as all others, below their source.

import { lazy } from 'react';
import { put } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import type { Field, Kind, Made } from './kinds.ts';
import { type Word, w } from './words/index.ts';

export const CHAT = ['triggers', 'catalog_items', 'custom_variables'] as const;
/** Any of these rights. */
export const CHAT_RIGHTS = ['manage_messaging', 'manage_chat'];
const ITEM_TYPES = ['button', 'invitation', 'automatic_message'] as const;
const Preview = lazy(() => import('./chat-preview.tsx'));

const isText = ({ type }: Made): boolean => type === 'automatic_message';
const LABEL: Field = { name: 'label', type: 'text', needed: true, max: 255 };

/** What a trigger does, in a few words. */
function acts({ actions = {} }: Made, names: (kind: string, id: Id) => string, items: string): string {
  const { show, button, invitation, message, hide_items } = actions;
  return [show && w(`show_${show}` as Word), ...[button, invitation, message].map((id) => id && names(items, id)), hide_items && w('f_hide_items')].filter(Boolean).join(', ');
}

/** What an item says, in the language of whoever looks at it where it says it in several. */
function wordsOf(html: string): string {
  const { body } = new DOMParser().parseFromString(html, 'text/html');
  const { lang } = document.documentElement;
  for (const said of body.querySelectorAll<HTMLElement>('[lang]')) if (said.lang !== lang && said.parentElement?.querySelector(`[lang="${lang}"]`)) said.remove();
  const texts = document.createNodeIterator(body, NodeFilter.SHOW_TEXT);
  const found: string[] = [];
  for (let node = texts.nextNode(); node; node = texts.nextNode()) found.push(node.textContent?.trim() ?? '');
  return found.filter(Boolean).join(' · ');
}

const shared = (source: Id, key: (typeof CHAT)[number]) => ({
  key: `sources/${source}/${key}`,
  path: `/content_sources/${source}/${key}`,
  // Events of modes differ, of what they are about do not.
  family: `chat of ${source}, ${key}`,
  group: 'group_channels' as const,
  reads: CHAT_RIGHTS,
  makes: CHAT_RIGHTS,
  changes: CHAT_RIGHTS,
  removes: true,
  copies: true as const,
  named: ({ label }: Made) => label,
  above: `/admin/sources/${source}`,
});

export const chatKind = (source: Id, key: (typeof CHAT)[number]): Kind => {
  const items = `sources/${source}/catalog_items`;
  const item = (type: (typeof ITEM_TYPES)[number]): Field => ({ name: type, type: 'choice', choices: { of: items, where: (record) => record.type === type } });
  switch (key) {
    case 'triggers':
      return {
        ...shared(source, key),
        one: 'trigger',
        icon: 'reply',
        fresh: { active: true, conditions: [], actions: {} },
        move: async (record, position) => put(`/content_sources/${source}/triggers/${record.id}/move`, { position }),
        columns: [
          { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
          { name: 'conditions', label: 'f_conditions', shown: ({ conditions }) => (conditions.length ? String(conditions.length) : w('always')) },
          { name: 'actions', label: 'f_actions', shown: (record, names) => acts(record, names, items) },
          { name: 'active', label: 'f_active', shown: ({ active }) => w(active ? 'yes' : 'no'), state: ({ active }) => (active ? 'good' : 'off') },
        ],
        refers: [items, `sources/${source}/custom_variables`],
        fields: [
          LABEL,
          { name: 'active', type: 'flag' },
          { name: 'conditions', type: 'conditions', choices: { of: `sources/${source}/custom_variables` } },
          { name: 'only_if_available', type: 'flag' },
          { name: 'queuing_factor', type: 'number', min: 0, max: 10, step: 'any' },
          { name: 'actions', type: 'actions', parts: [item('button'), item('invitation'), { ...item('automatic_message'), name: 'message' }] },
          { name: 'stops_others', type: 'flag' },
          { name: 'once_per_visit', type: 'flag' },
          { name: 'category_ids', label: 'f_trigger_categories', type: 'many', choices: { of: 'categories' } },
          { name: 'language', label: 'f_trigger_language', type: 'choice', choices: { list: 'locales' } },
        ],
        more: Preview,
      };
    case 'catalog_items':
      return {
        ...shared(source, key),
        one: 'catalog_item',
        icon: 'grid',
        fresh: { type: 'button' },
        columns: [
          { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
          { name: 'type', label: 'f_type', shown: ({ type }) => w(`item_${type}` as Word) },
          { name: 'shows', label: 'f_text', shown: ({ text, html }) => text ?? wordsOf(html ?? '') },
        ],
        fields: [
          { name: 'type', type: 'choice', choices: ITEM_TYPES, said: 'item_', needed: true, only: 'new' },
          LABEL,
          { name: 'position', label: 'f_item_position', type: 'choice', choices: ['floating', 'fixed'], said: 'position_', when: ({ type }) => type === 'button' },
          { name: 'text', type: 'long', when: isText, max: 1_000 },
          { name: 'html', type: 'code', when: (record) => !isText(record) },
          { name: 'css', type: 'code', when: (record) => !isText(record) },
        ],
        beside: lazy(() => import('./item-preview.tsx')),
      };
    case 'custom_variables':
      return {
        ...shared(source, key),
        one: 'custom_variable',
        icon: 'note',
        fresh: { type: 'string', name: 'custom_' },
        columns: [
          { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
          { name: 'name', label: 'f_variable_name', shown: ({ name }) => name },
          { name: 'type', label: 'f_type', shown: ({ type }) => w(`type_${type === 'number' ? 'float' : type}` as Word) },
          { name: 'selector', label: 'f_selector', shown: ({ selector }) => selector ?? '' },
        ],
        fields: [
          { name: 'name', label: 'f_variable_name', type: 'text', needed: true, max: 100 },
          { ...LABEL, needed: false },
          { name: 'type', type: 'choice', choices: ['string', 'number', 'boolean'], said: 'variable_', needed: true },
          { name: 'selector', type: 'text', max: 500 },
        ],
      };
  }
};

/** A kind below a source, such as `sources/{id}/triggers`. */
export function within(key: string): Kind | undefined {
  const [area, source = '', of, ...more] = key.split('/');
  const found = CHAT.find((one) => one === of);
  return area === 'sources' && found && !more.length ? chatKind(source, found) : undefined;
}
