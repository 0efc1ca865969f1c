// Keys that do something wherever one is on the screen. Each part of the screen names its own; nothing is taken from
// somebody who writes, nor from the browser.

import { useEffect, useRef } from 'react';
import type { Key } from './language/index.ts';

export interface Shortcut {
  keys: string;
  label: Key;
  group: 'keys_list' | 'keys_conversation' | 'keys_everywhere';
}

/** All of them, as the list on `?` shows them. */
export const SHORTCUTS: Shortcut[] = [
  { keys: 'J', label: 'key_next', group: 'keys_list' },
  { keys: 'K', label: 'key_previous', group: 'keys_list' },
  { keys: 'Enter', label: 'key_open', group: 'keys_list' },
  { keys: 'X', label: 'key_select', group: 'keys_list' },
  { keys: '/', label: 'key_search', group: 'keys_list' },
  { keys: 'R', label: 'key_reply', group: 'keys_conversation' },
  { keys: 'C', label: 'key_comment', group: 'keys_conversation' },
  { keys: 'E', label: 'take', group: 'keys_conversation' },
  { keys: 'A', label: 'assign', group: 'keys_conversation' },
  { keys: 'L', label: 'categories', group: 'keys_conversation' },
  { keys: 'D', label: 'defer', group: 'keys_conversation' },
  { keys: 'F', label: 'resolve', group: 'keys_conversation' },
  { keys: 'I', label: 'archive', group: 'keys_conversation' },
  { keys: '/ …', label: 'assistant', group: 'keys_conversation' },
  { keys: 'Ctrl Enter', label: 'key_send', group: 'keys_conversation' },
  { keys: 'Ctrl Shift Enter', label: 'key_send_close', group: 'keys_conversation' },
  { keys: 'Esc', label: 'key_leave', group: 'keys_conversation' },
  { keys: 'Y', label: 'accept', group: 'keys_everywhere' },
  { keys: 'N', label: 'refuse', group: 'keys_everywhere' },
  { keys: 'Ctrl K', label: 'key_palette', group: 'keys_everywhere' },
  { keys: 'Z', label: 'undo', group: 'keys_everywhere' },
  { keys: 'W', label: 'begin', group: 'keys_everywhere' },
  { keys: '?', label: 'key_help', group: 'keys_everywhere' },
];

type Bindings = Record<string, (event: KeyboardEvent) => void>;

const writes = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) && (target as HTMLInputElement).type !== 'checkbox';

/** Something that covers the screen has the keyboard for itself. */
const covered = (): boolean => !!document.querySelector('[role="dialog"],[role="menu"]');

const stack: Bindings[] = [];

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const command = event.ctrlKey || event.metaKey;
  if (event.altKey) return;
  const name = command ? `Ctrl ${event.key.toUpperCase()}` : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  if (!command && (writes(event.target) || covered())) return;
  // Enter and space on something that has a meaning of its own keep it.
  if (event.key === 'Enter' && event.target instanceof HTMLElement && event.target.closest('button,a,summary,[role="option"]')) return;
  for (const bindings of stack.toReversed()) {
    const act = bindings[name];
    if (!act) continue;
    event.preventDefault();
    act(event);
    return;
  }
});

/** Whether a key does something on this screen now. */
export const isBound = (name: string): boolean => stack.some((bindings) => bindings[name]);

/** As long as the component that calls it is shown; the one that came last is asked first. */
export function useKeys(bindings: Bindings): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    const asked: Bindings = new Proxy({}, { get: (_, name: string) => latest.current[name] });
    stack.push(asked);
    return () => void stack.splice(stack.indexOf(asked), 1);
  }, []);
}
