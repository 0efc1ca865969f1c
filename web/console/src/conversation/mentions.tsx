// Colleagues by their names in a comment: `@` suggests them. Whoever is named is told on their screen.

import type { ReactNode, RefObject } from 'react';
import type { User } from '../api/types.ts';
import { useMe, useUsers } from '../data.ts';
import { t } from '../language/index.ts';
import { fullName } from '../names.ts';
import { matches } from '../ui/options.tsx';
import { Avatar } from '../ui/pieces.tsx';
import { before, type Completion, useCompletion } from './completion.tsx';

const SUGGESTIONS_MAX = 6;
/** What is being written before the caret. */
const BEGUN = /(?:^|\s)(@[\p{L}\p{N}.'’-]*(?: [\p{L}\p{N}.'’-]*)?)$/u;

export const isMentioned = (body: string, user: User): boolean => body.includes(`@${fullName(user)}`);

/** `text` with the names of colleagues marked in it. */
export function marked(text: string, users: User[]): ReactNode[] {
  const names = users.map((user) => `@${fullName(user)}`).filter((name) => text.includes(name));
  if (!names.length) return [text];
  // A longer name before a shorter one that it begins with.
  names.sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'g');
  return text.split(pattern).map((piece, index) => (index % 2 ? <mark key={index}>{piece}</mark> : piece));
}

interface Given {
  field: RefObject<HTMLTextAreaElement | null>;
  text: string;
  write: (text: string) => void;
  on: boolean;
}

export function useMentions({ field, text, write, on }: Given): Completion {
  const me = useMe().data;
  const users = useUsers();
  const begun = on ? before(field, text, BEGUN) : undefined;
  const found = begun === undefined ? [] : users.filter((user) => user.enabled && user.id !== me?.id && matches(begun.slice(1), fullName(user))).slice(0, SUGGESTIONS_MAX);
  return useCompletion({
    id: 'mentions',
    label: t('mention'),
    field,
    text,
    write,
    begun,
    found: found.map((user) => ({ id: user.id, label: fullName(user), before: <Avatar name={fullName(user)} size="s" />, text: `@${fullName(user)} ` })),
  });
}
