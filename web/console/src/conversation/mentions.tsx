// Colleagues by their names in a comment: `@` suggests them. Whoever is named is told on their screen.

import { type KeyboardEvent, type ReactNode, type RefObject, useState } from 'react';
import type { Id, User } from '../api/types.ts';
import { useMe, useUsers } from '../data.ts';
import { t } from '../language/index.ts';
import { fullName } from '../names.ts';
import { matches } from '../ui/options.tsx';
import { Avatar } from '../ui/pieces.tsx';

const SUGGESTIONS_MAX = 6;
/** What is being written before the caret. */
const BEGUN = /(^|\s)@([\p{L}\p{N}.'’-]*(?: [\p{L}\p{N}.'’-]*)?)$/u;

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

/** The suggestions, and what keys do while there are some; true: it was for them. */
export function useMentions({ field, text, write, on }: Given): { list: ReactNode; key: (event: KeyboardEvent) => boolean; props: object } {
  const me = useMe().data;
  const users = useUsers();
  const [at, setAt] = useState(0);
  const [closed, close] = useState('');
  const caret = field.current?.selectionStart ?? text.length;
  const begun = on ? BEGUN.exec(text.slice(0, caret)) : null;
  const word = begun?.[2] ?? '';
  const found = begun && closed !== text ? users.filter((user) => user.enabled && user.id !== me?.id && matches(word, fullName(user))).slice(0, SUGGESTIONS_MAX) : [];
  const active = Math.min(at, found.length - 1);
  const pick = (id: Id) => {
    const user = found.find((one) => one.id === id);
    if (!user) return;
    const from = caret - word.length;
    const name = `${fullName(user)} `;
    write(text.slice(0, from) + name + text.slice(caret));
    setAt(0);
    requestAnimationFrame(() => field.current?.setSelectionRange(from + name.length, from + name.length));
  };
  const key = (event: KeyboardEvent): boolean => {
    if (!found.length) return false;
    if (event.key === 'ArrowDown') setAt((active + 1) % found.length);
    else if (event.key === 'ArrowUp') setAt((active - 1 + found.length) % found.length);
    else if ((event.key === 'Enter' && !event.ctrlKey && !event.metaKey) || event.key === 'Tab') pick(found[active]!.id);
    else if (event.key === 'Escape') close(text);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const list = found.length > 0 && (
    <div className="mentions" role="listbox" id="mentions" aria-label={t('mention')}>
      {found.map((user, index) => (
        <div key={user.id} id={`mention-${index}`} role="option" aria-selected={index === active} data-active={index === active || undefined} className="option" onPointerDown={(event) => event.preventDefault()} onClick={() => pick(user.id)}>
          <Avatar name={fullName(user)} size="s" />
          <span className="option-label">{fullName(user)}</span>
        </div>
      ))}
    </div>
  );
  const props = found.length ? { 'aria-controls': 'mentions', 'aria-activedescendant': `mention-${active}` } : {};
  return { list, key, props };
}
