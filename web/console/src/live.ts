// Keeps what is shown as it is on the server. An event makes afresh what it is about; of many events in a moment the
// screen asks once, and a screen that nobody looks at asks when it is looked at again.

import { useSyncExternalStore } from 'react';
import { type Connection, Stream } from './api/stream.ts';
import type { Id, Told } from './api/types.ts';
import { changedElsewhere } from './conversation/drafts.ts';
import { take as colleagues } from './conversation/colleagues.ts';
import { client } from './data.ts';
import { hear } from './notices.ts';

/** Milliseconds between two looks at lists, at counts, at a conversation: so that 20 messages a second are few requests. */
const LIST_MS = 1_000;
const COUNTS_MS = 3_000;
const THREAD_MS = 250;
/** A hint that somebody types is forgotten after this time. */
const TYPING_MS = 8_000;

/** Runs `work` at once, and after that at most once in `pause`: what comes meanwhile counts for the next time. */
export function paced(pause: number, work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const run = () => {
    if (document.hidden) {
      again = true;
      timer = undefined;
      document.addEventListener('visibilitychange', run, { once: true });
      return;
    }
    again = false;
    work();
    timer = setTimeout(() => {
      timer = undefined;
      if (again) run();
    }, pause);
  };
  return () => {
    if (timer) again = true;
    else run();
  };
}

const lists = paced(LIST_MS, () => void client.invalidateQueries({ queryKey: ['threads'] }));
const counts = paced(COUNTS_MS, () => void client.invalidateQueries({ queryKey: ['count'] }));

const tasks = paced(THREAD_MS, () => void client.invalidateQueries({ queryKey: ['tasks'] }));

let changed = new Set<Id>();
let commented = false;
const conversations = paced(THREAD_MS, () => {
  const [threads, comments] = [changed, commented];
  changed = new Set();
  commented = false;
  for (const thread of threads) for (const kind of ['contents', 'interventions', 'thread']) void client.invalidateQueries({ queryKey: [kind, thread] });
  if (comments) void client.invalidateQueries({ queryKey: ['comments'] });
});

/** What this screen did itself need not wait for the stream. */
export function touch(thread: Id): void {
  changed.add(thread);
  conversations();
  lists();
  counts();
}

const meId = (): Id | undefined => client.getQueryData<{ id: Id }>(['me'])?.id;

let typing = new Map<Id, string>();
const timers = new Map<Id, ReturnType<typeof setTimeout>>();
const typingListeners = new Set<() => void>();

function types(thread: Id, preview: string | undefined): void {
  clearTimeout(timers.get(thread));
  if (preview === undefined ? !typing.has(thread) : typing.get(thread) === preview) return;
  typing = new Map(typing);
  if (preview === undefined) typing.delete(thread);
  else {
    typing.set(thread, preview);
    timers.set(thread, setTimeout(() => types(thread, undefined), TYPING_MS));
  }
  for (const listener of typingListeners) listener();
}

/** What the customer of a thread is typing right now. */
export const useTyping = (thread: Id): string | undefined =>
  useSyncExternalStore(
    (listener) => {
      typingListeners.add(listener);
      return () => typingListeners.delete(listener);
    },
    () => typing.get(thread),
  );

/** How often customers have written in a thread, as far as it was heard here. */
const written = new Map<Id, number>();
const customerListeners = new Set<(thread: Id) => void>();
export const timesWritten = (thread: Id): number => written.get(thread) ?? 0;

/** Hears of each message of a customer that waits for an answer, until the returned function is called. */
export function onCustomer(listener: (thread: Id) => void): () => void {
  customerListeners.add(listener);
  return () => customerListeners.delete(listener);
}

function customerWrote(thread: Id): void {
  written.set(thread, timesWritten(thread) + 1);
  for (const listener of customerListeners) listener(thread);
}

function take(told: Told): void {
  const { type, resource } = told;
  hear(told);
  const metadata = resource?.metadata ?? {};
  const thread = metadata.thread_id as Id | undefined;
  if (type === 'rights') {
    // What one may not see any more goes at once.
    void client.invalidateQueries();
    return;
  }
  const family = type.slice(0, type.indexOf('.'));
  void client.invalidateQueries({ queryKey: ['admin', family] });
  switch (family) {
    case 'typing':
      if (thread) types(thread, type === 'typing.started' ? String(metadata.preview ?? '') : undefined);
      return;
    case 'colleague':
      if (thread && told.user_id) colleagues(type, thread, told.user_id, told.user_id === meId());
      return;
    case 'content':
    case 'intervention':
    case 'content_thread': {
      if (type === 'content_thread.visited' || type === 'content_thread.noticed') {
        void client.invalidateQueries({ queryKey: ['visited', thread ?? resource?.id] });
        return;
      }
      if (type.startsWith('content.draft_')) {
        // Only their writer sees drafts.
        if (thread && told.user_id === meId()) changedElsewhere(thread);
        return;
      }
      const about = thread ?? (family === 'content_thread' ? resource?.id : undefined);
      if (type === 'content.imported' && thread) {
        types(thread, undefined);
        if (metadata.status === 'new' || metadata.status === 'assigned') customerWrote(thread);
      }
      if (about) changed.add(about);
      conversations();
      lists();
      counts();
      return;
    }
    case 'task':
    case 'push_agent':
      tasks();
      return;
    case 'service_level':
      lists();
      return;
    case 'intervention_comment':
      commented = true;
      conversations();
      return;
    case 'identity':
      void client.invalidateQueries({ queryKey: ['identity', resource?.id] });
      void client.invalidateQueries({ queryKey: ['identities'] });
      return;
    case 'identity_group':
      void client.invalidateQueries({ queryKey: ['group', resource?.id] });
      return;
    case 'reply_assistant_knowledge_base_entry':
    case 'reply_assistant_knowledge_base_version':
    case 'reply_assistant_knowledge_base_group':
      void client.invalidateQueries({ queryKey: ['suggestions'] });
      return;
    case 'settings':
      void client.invalidateQueries({ queryKey: ['screen'] });
      return;
    case 'folder':
      void client.invalidateQueries({ queryKey: ['folders'] });
      return;
    case 'category':
    case 'tag':
    case 'custom_field':
      void client.invalidateQueries({ queryKey: [`${family}s`.replace('ys', 'ies')] });
      return;
    case 'content_source':
      void client.invalidateQueries({ queryKey: ['sources'] });
      return;
    case 'user':
      void client.invalidateQueries({ queryKey: ['users'] });
      void client.invalidateQueries({ queryKey: ['me'] });
      return;
  }
}

let connection: Connection = 'connecting';
const connectionListeners = new Set<() => void>();

export const useConnection = (): Connection =>
  useSyncExternalStore(
    (listener) => {
      connectionListeners.add(listener);
      return () => connectionListeners.delete(listener);
    },
    () => connection,
  );

/** Listens until the returned function is called. */
export function follow(): () => void {
  const stream = new Stream({
    told: take,
    missed: () => void client.invalidateQueries(),
    connection: (state) => {
      connection = state;
      for (const listener of connectionListeners) listener();
    },
  });
  return () => stream.stop();
}
