// Choosing out of a set that colleagues choose from as well, such as the categories of a conversation: one is added to it or
// taken out as it is by then, so that what others chose meanwhile stays. Where only one may be and somebody chose another
// meanwhile, that is told first.

import { useState } from 'react';
import { toggled } from './actions.ts';
import { Refusal } from './api/client.ts';
import type { Category, Id } from './api/types.ts';
import { t } from './language/index.ts';
import { complain } from './ui/toasts.tsx';

export type Offered = { id: Id; path: string; root: Category }[];

/** Milliseconds after which the screen has what was saved. */
const SETTLED_MS = 500;

/** The set as it is now, with what somebody chose who saw it as `shown`; a refusal where a colleague chose otherwise. */
export function chosen(offered: Offered, shown: Id[], now: Id[], id: Id): Id[] {
  const isAdded = !shown.includes(id);
  if (now.includes(id) === isAdded) return now;
  const root = offered.find((one) => one.id === id)?.root;
  if (isAdded && root && !root.multiple) {
    const theirs = offered.filter((one) => one.root.id === root.id && now.includes(one.id) && !shown.includes(one.id));
    if (theirs.length) throw new Refusal(409, 'changed_meanwhile', t('changed_by_other', { value: theirs.map(({ path }) => path).join(', ') }));
  }
  return toggled(offered, now, id);
}

/** One after the other: the second of two quick choices is made on what the first one left. */
let saving: Promise<unknown> = Promise.resolve();

interface Given {
  /** As the server told it last. */
  held: Id[];
  offered: Offered;
  read: () => Promise<Id[]>;
  write: (ids: Id[]) => Promise<unknown>;
  /** Has it told afresh. */
  again: () => unknown;
}

export function useChoosing({ held, offered, read, write, again }: Given): { held: Id[]; toggle: (id: Id) => void } {
  const [picked, pick] = useState<Id[]>();
  const shown = picked ?? held;
  const toggle = (id: Id) => {
    pick(toggled(offered, shown, id));
    saving = saving
      .then(async () => write(chosen(offered, shown, await read(), id)))
      .catch(complain)
      .then(again)
      .finally(() => setTimeout(() => pick(undefined), SETTLED_MS));
  };
  return { held: shown, toggle };
}
