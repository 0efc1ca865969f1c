// Who else looks at a conversation, or writes in it, right now: hints of their screens, told for as long as they hold.

import { useEffect, useSyncExternalStore } from 'react';
import { post } from '../api/client.ts';
import type { Id } from '../api/types.ts';

/** Milliseconds between two hints of one's own; colleagues forget one after a little more than that. */
const TELL_MS = 20_000;
const FORGET_MS = 30_000;
/** Who writes says so no more often than this, and is taken to write for a little longer. */
const WRITE_MS = 3_000;
const WRITING_MS = 7_000;

export interface Colleague {
  id: Id;
  writes: boolean;
}

interface Seen {
  until: number;
  writesUntil: number;
}

const seen = new Map<Id, Map<Id, Seen>>();
const shown = new Map<Id, Colleague[]>();
const NOBODY: Colleague[] = [];
const listeners = new Set<() => void>();
/** The conversation on this screen, and when it was last told of. */
let here: Id | undefined;
let toldAt = 0;

function draw(thread: Id): void {
  const now = Date.now();
  const all = seen.get(thread);
  for (const [id, { until }] of all ?? []) if (until <= now) all?.delete(id);
  if (!all?.size) seen.delete(thread);
  const next = [...(all ?? [])].map(([id, { writesUntil }]) => ({ id, writes: writesUntil > now }));
  const before = shown.get(thread) ?? NOBODY;
  if (JSON.stringify(before) === JSON.stringify(next)) return;
  if (next.length) shown.set(thread, next);
  else shown.delete(thread);
  for (const listener of listeners) listener();
}

function tell(state: 'reading' | 'writing' | 'left', thread: Id): void {
  toldAt = Date.now();
  // A hint: nobody misses one that is lost.
  post(`/content_threads/${thread}/presence`, { state }).catch(() => {});
}

/** What the stream says of a colleague. */
export function take(kind: string, thread: Id, user: Id, isMe: boolean): void {
  if (isMe) return;
  const all = seen.get(thread) ?? new Map<Id, Seen>();
  if (kind === 'colleague.left') all.delete(user);
  else {
    const now = Date.now();
    // Who has just come does not know yet who is here.
    if (!all.has(user) && thread === here && now - toldAt > 500) tell('reading', thread);
    const writesUntil = kind === 'colleague.writing' ? now + WRITING_MS : (all.get(user)?.writesUntil ?? 0);
    all.set(user, { until: now + FORGET_MS, writesUntil });
    setTimeout(() => draw(thread), WRITING_MS + 50);
    setTimeout(() => draw(thread), FORGET_MS + 50);
  }
  seen.set(thread, all);
  draw(thread);
}

let wroteAt = 0;

/** Something is being written here. */
export function writes(thread: Id): void {
  if (Date.now() - wroteAt < WRITE_MS) return;
  wroteAt = Date.now();
  tell('writing', thread);
}

/** Tells colleagues that this conversation is on the screen, for as long as it is. */
export function useHere(thread: Id): void {
  useEffect(() => {
    here = thread;
    // Who only passes by is not told of.
    const first = setTimeout(() => tell('reading', thread), 400);
    const timer = setInterval(() => document.hidden || tell('reading', thread), TELL_MS);
    const leave = () => tell('left', thread);
    const look = () => tell(document.hidden ? 'left' : 'reading', thread);
    addEventListener('pagehide', leave);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
      removeEventListener('pagehide', leave);
      document.removeEventListener('visibilitychange', look);
      here = undefined;
      wroteAt = 0;
      if (Date.now() - toldAt < FORGET_MS) leave();
    };
  }, [thread]);
}

/** Who else is in a conversation. */
export const useColleagues = (thread: Id): Colleague[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown.get(thread) ?? NOBODY,
  );
