// The search language as people edit it: terms that are chips, and the word that is being written. Pure.

import type { Key } from '../language/index.ts';

export interface Term {
  key: string;
  value: string;
  negated: boolean;
}

export type Takes = 'source' | 'user' | 'category' | 'status' | 'flag' | 'language' | 'date' | 'sla' | 'free';

/** Keywords that the field suggests, in the order of how often they are wanted; others work as well when written. */
export const KEYWORDS: { key: string; label: Key; takes: Takes }[] = [
  { key: 'source', label: 'kw_source', takes: 'source' },
  { key: 'status_in', label: 'kw_status_in', takes: 'status' },
  { key: 'active_and_assigned_to', label: 'kw_active_and_assigned_to', takes: 'user' },
  { key: 'active_and_assigned_to_me', label: 'kw_active_and_assigned_to_me', takes: 'flag' },
  { key: 'language', label: 'kw_language', takes: 'language' },
  { key: 'categorized_in', label: 'kw_categorized_in', takes: 'category' },
  { key: 'not_categorized_in', label: 'kw_not_categorized_in', takes: 'category' },
  { key: 'last_content_after', label: 'kw_last_content_after', takes: 'date' },
  { key: 'last_content_before', label: 'kw_last_content_before', takes: 'date' },
  { key: 'first_content_after', label: 'kw_first_content_after', takes: 'date' },
  { key: 'first_content_before', label: 'kw_first_content_before', takes: 'date' },
  { key: 'assigned_to', label: 'kw_assigned_to', takes: 'user' },
  { key: 'assigned_to_me', label: 'kw_assigned_to_me', takes: 'flag' },
  { key: 'assigned', label: 'kw_assigned', takes: 'flag' },
  { key: 'opened_and_assigned', label: 'kw_opened_and_assigned', takes: 'flag' },
  { key: 'opened_and_assigned_to', label: 'kw_opened_and_assigned_to', takes: 'user' },
  { key: 'opened_and_assigned_to_me', label: 'kw_opened_and_assigned_to_me', takes: 'flag' },
  { key: 'active_and_assigned', label: 'kw_active_and_assigned', takes: 'flag' },
  { key: 'categorized', label: 'kw_categorized', takes: 'flag' },
  { key: 'scheduled', label: 'kw_scheduled', takes: 'flag' },
  { key: 'approval_required', label: 'kw_approval_required', takes: 'flag' },
  { key: 'sla', label: 'kw_sla', takes: 'sla' },
  { key: 'foreign', label: 'kw_foreign', takes: 'free' },
  { key: 'identity', label: 'kw_identity', takes: 'free' },
  { key: 'identity_group', label: 'kw_identity_group', takes: 'free' },
];

export const STATUSES = ['new', 'assigned', 'replied', 'ignored', 'user_reply', 'user_initiated', 'forwarded'] as const;
export const SLA_STATES = ['warning', 'expired', 'ok', 'none'] as const;

/** An address of the web is a word, whatever stands in it. */
const TERM = /(-?)([a-z_]+):(?!\/\/)("[^"]*"?|[^\s"]+)|"([^"]*)"?|(\S+)/g;

/** The terms of a search; words are terms of the keyword `text`. */
export function parse(q: string): Term[] {
  return Array.from(q.matchAll(TERM), ([, minus, key, value, quoted, word]) => {
    if (key) return { key, value: (value ?? '').replace(/^"|"$/g, ''), negated: minus === '-' };
    return { key: 'text', value: quoted ?? word ?? '', negated: false };
  }).filter(({ value }) => value !== '');
}

export const print = (terms: Term[]): string =>
  terms
    .map(({ key, value, negated }) => {
      const safe = value.replaceAll('"', '');
      const quoted = /[\s:]/.test(safe) || (key === 'text' && safe.startsWith('-')) ? `"${safe}"` : safe;
      return key === 'text' ? quoted : `${negated ? '-' : ''}${key}:${quoted}`;
    })
    .join(' ');

/** Whether a piece of text is a whole term of its own, and so becomes a chip. */
export const isWhole = (written: string): boolean => /^-?[a-z_]+:(?!\/\/)("[^"]+"|[^\s"]+)$/.test(written);

/** The term that the server refuses, and where it begins, in characters from 1; nothing for what is wrong with the whole search. */
export function refused(message: string, terms: Term[]): { term: Term; at: number; known: boolean; negation: boolean } | undefined {
  const [, key, at] = /^q: "([^"]*)" at character (\d+): /.exec(message) ?? [];
  const term = terms.find((one) => one.key === key);
  return term && { term, at: Number(at), known: !message.includes(' are searched by '), negation: message.endsWith('cannot be negated.') };
}
