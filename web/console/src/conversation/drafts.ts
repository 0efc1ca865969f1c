// What somebody has begun to write, thread by thread. The server keeps it, so that it is there at their other desk too; this
// browser keeps it until the server has it. What another tab wrote meanwhile is never overwritten unseen. Comments are kept by
// this browser alone.

import { useState, useSyncExternalStore } from 'react';
import { get, put, Refusal } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import { isOut, onSession } from '../session.ts';
import { local } from '../storage.ts';

/** Milliseconds after the last letter, before the server is told. */
const PAUSE_MS = 1_000;
/** And after an attempt that nobody answered. */
const RETRY_MS = 5_000;
/** Of what this tab saved a moment ago it need not be told. */
const OWN_MS = 2_000;
const LOCAL = 'frontdesk.draft.';
const NOTE = 'frontdesk.note.';

interface Kept {
  body: string;
  body_format: 'text' | 'html';
  version: number;
}

export interface Draft {
  text: string;
  /** Whether it is written in HTML. */
  html: boolean;
  /** What was written elsewhere meanwhile. */
  other: Kept | undefined;
}

interface State {
  shown: Draft;
  /** On the server, as far as is known; nothing before it was read. */
  version: number | undefined;
  /** Not on the server yet. */
  dirty: boolean;
  /** On its way to the customer: the words are kept, and not shown. */
  held: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
  saving: boolean;
  savedAt: number;
}

const states = new Map<Id, State>();
const listeners = new Set<() => void>();
const EMPTY: Draft = { text: '', html: false, other: undefined };

function show(state: State, to: Partial<Draft>): void {
  state.shown = { ...state.shown, ...to };
  for (const listener of listeners) listener();
}

function keepHere(thread: Id, kept: Kept | undefined): void {
  if (kept) local.setItem(LOCAL + thread, JSON.stringify(kept));
  else local.removeItem(LOCAL + thread);
}

function heldHere(thread: Id): Kept | undefined {
  try {
    const kept = JSON.parse(local.getItem(LOCAL + thread) ?? 'null') as Kept | null;
    return typeof kept?.body === 'string' ? kept : undefined;
  } catch {
    return undefined;
  }
}

function of(thread: Id): State {
  const known = states.get(thread);
  if (known) return known;
  const local = heldHere(thread);
  const shown = local ? { text: local.body, html: local.body_format === 'html', other: undefined } : EMPTY;
  const state: State = { shown, version: undefined, dirty: !!local, held: false, timer: undefined, saving: false, savedAt: 0 };
  states.set(thread, state);
  void read(thread, state, local?.version);
  return state;
}

const path = (thread: Id): string => `/content_threads/${thread}/draft`;

/** `since`: the version that was changed here. */
async function read(thread: Id, state: State, since: number | undefined): Promise<void> {
  if (states.get(thread) !== state) return;
  try {
    const found = await get<Kept>(path(thread));
    if (state.saving) return;
    // Who has written nothing loses nothing.
    if (state.dirty && !state.held && !state.shown.text) state.dirty = false;
    const isOurs = !state.dirty || found.version === since || found.body === state.shown.text;
    state.version = found.version;
    if (!state.dirty && !state.held) show(state, { text: found.body, html: found.body_format === 'html', other: undefined });
    else if (!isOurs && found.body) show(state, { other: found });
    else if (state.dirty) schedule(thread, state, 0);
  } catch (trouble) {
    if (!(trouble instanceof Refusal)) setTimeout(() => void read(thread, state, since), RETRY_MS);
  }
}

function schedule(thread: Id, state: State, pause = PAUSE_MS): void {
  clearTimeout(state.timer);
  state.timer = setTimeout(() => void save(thread, state), pause);
}

async function save(thread: Id, state: State): Promise<void> {
  // Of somebody who has signed out meanwhile.
  if (states.get(thread) !== state) return;
  if (state.saving || !state.dirty || state.version === undefined || state.shown.other) return;
  state.saving = true;
  const { text, html } = state.shown;
  try {
    const saved = await put<Kept>(path(thread), { body: text, body_format: html ? 'html' : 'text', version: state.version });
    state.version = saved.version;
    state.savedAt = Date.now();
    if (state.shown.text === text && state.shown.html === html) {
      state.dirty = false;
      if (!state.held) keepHere(thread, undefined);
    } else schedule(thread, state);
  } catch (trouble) {
    if (trouble instanceof Refusal && trouble.status === 409) {
      state.saving = false;
      return read(thread, state, state.version);
    }
    if (!(trouble instanceof Refusal)) schedule(thread, state, RETRY_MS);
  } finally {
    state.saving = false;
  }
}

/** As it is now. */
export function write(thread: Id, text: string, html = false): void {
  const state = of(thread);
  if (state.shown.text === text && state.shown.html === html) return;
  state.dirty = true;
  state.held = false;
  show(state, { text, html });
  keepHere(thread, { body: text, body_format: html ? 'html' : 'text', version: state.version ?? 0 });
  schedule(thread, state);
}

/** The words are on their way: they are kept until they have arrived, and the field is free. */
export function hold(thread: Id): void {
  const state = of(thread);
  clearTimeout(state.timer);
  const { text, html } = state.shown;
  if (text) keepHere(thread, { body: text, body_format: html ? 'html' : 'text', version: state.version ?? 0 });
  state.held = true;
  show(state, { text: '', html });
}

/** They have arrived. */
export async function release(thread: Id): Promise<void> {
  const state = of(thread);
  if (!state.held) return;
  state.held = false;
  state.dirty = true;
  keepHere(thread, undefined);
  await save(thread, state);
}

/** What is not on the server yet goes there now. */
export async function saveAll(): Promise<void> {
  await Promise.all([...states].map(([thread, state]) => !state.held && save(thread, state)));
}

addEventListener('pagehide', () => void saveAll());

/** What was written elsewhere takes the place of this one, or the other way round. */
export function decide(thread: Id, theirs: boolean): void {
  const state = of(thread);
  const { other } = state.shown;
  if (!other) return;
  state.version = other.version;
  if (theirs) {
    state.dirty = false;
    keepHere(thread, undefined);
    show(state, { text: other.body, html: other.body_format === 'html', other: undefined });
  } else {
    show(state, { other: undefined });
    schedule(thread, state, 0);
  }
}

/** One's own draft has changed, here or elsewhere. */
export function changedElsewhere(thread: Id): void {
  const state = states.get(thread);
  if (!state || state.held) return;
  const since = Date.now() - state.savedAt;
  if (state.saving || since < OWN_MS) setTimeout(() => changedElsewhere(thread), Math.max(100, OWN_MS - since));
  else void read(thread, state, state.version);
}

export const useDraft = (thread: Id): Draft =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => of(thread).shown,
  );

/** A comment that is not added yet. */
export function useNote(thread: Id): [text: string, write: (text: string) => void] {
  const [text, set] = useState(() => local.getItem(NOTE + thread) ?? '');
  const write = (written: string) => {
    set(written);
    if (written) local.setItem(NOTE + thread, written);
    else local.removeItem(NOTE + thread);
  };
  return [text, write];
}

/** What nobody looks at any more is saved at once. */
export function leave(thread: Id): void {
  const state = states.get(thread);
  if (!state) return;
  if (state.dirty) schedule(thread, state, 0);
  else if (!state.held && !state.shown.other) states.delete(thread);
}

onSession(() => {
  states.clear();
  // The next one at this desk does not read them.
  if (isOut()) for (const key of local.keys()) if (key.startsWith(LOCAL) || key.startsWith(NOTE)) local.removeItem(key);
});
