// What somebody has changed in a form and not saved. It is kept while the page is open, so that looking something up
// elsewhere loses nothing; only what was changed is sent, and never over what somebody else has changed meanwhile. Pure but
// for the place where it is kept.

import { onSession } from '../session.ts';
import type { Made } from './kinds.ts';

export type Edits = Record<string, unknown>;

export interface Draft {
  /** The record as it was when the first change was made. */
  base: Made;
  edits: Edits;
}

const kept = new Map<string, Draft>();
const NOTHING: Draft | undefined = undefined;

addEventListener('beforeunload', (event) => {
  if (kept.size) event.preventDefault();
});

export const draftOf = (key: string): Draft | undefined => kept.get(key) ?? NOTHING;

export function keep(key: string, draft: Draft | undefined): void {
  if (draft && Object.keys(draft.edits).length) kept.set(key, draft);
  else kept.delete(key);
}

// The next one at this desk does not find it, nor the secrets that were typed into it.
onSession(() => kept.clear());

export const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** The field as the record has it: lists have brackets in some answers. */
export const fieldOf = (record: Made, name: string): unknown => (name in record ? record[name] : record[`${name}[]`]);

/** Of a secret the server tells no more than that it has one. */
export const isKept = (record: Made, name: string): boolean => record[`has_${name}`] === true;

/** A change; back to what it was is none. Of a secret that is kept, an empty one takes it away, and none at all leaves it. */
export function edited(draft: Draft, name: string, value: unknown): Draft {
  const edits = { ...draft.edits };
  const isBack = isKept(draft.base, name) ? value === undefined : isSame(fieldOf(draft.base, name) ?? '', value ?? '');
  if (isBack) delete edits[name];
  else edits[name] = value;
  return { ...draft, edits };
}

/** What others have changed of what was changed here, to something else. */
export function conflicts({ base, edits }: Draft, now: Made): string[] {
  return Object.keys(edits).filter((name) => !isSame(fieldOf(base, name), fieldOf(now, name)) && !isSame(fieldOf(now, name), edits[name]));
}

/** What was changed while a draft was being saved: a change of the record as it is now. */
export function left(sent: Draft, now: Draft | undefined): Draft {
  const base = { ...sent.base, ...sent.edits };
  const edits: Edits = {};
  for (const name of new Set([...Object.keys(sent.edits), ...Object.keys(now?.edits ?? {})])) {
    const isTyped = now !== undefined && name in now.edits;
    // Of a secret nobody knows what it was: back to that is to leave it alone.
    if (!isTyped && `has_${name}` in sent.base) continue;
    const value = isTyped ? now.edits[name] : (fieldOf(sent.base, name) ?? '');
    if (!isSame(value, sent.edits[name])) edits[name] = value;
  }
  return { base, edits };
}
