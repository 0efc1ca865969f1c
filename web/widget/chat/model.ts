// What the window knows, and how what happens changes it. Pure: each function answers the next state.

import type { Content, Outgoing, Thread, Told } from './types.ts';

/** A content, or one of ours on its way. */
export interface Line extends Content {
  state?: 'sending' | 'failed';
  /** What is sent, for as long as the server does not have it. */
  outgoing?: Outgoing;
}

export interface State {
  threads: Thread[];
  /** Lines of conversations that were looked at, the oldest first, by the thread's id. */
  lines: Record<string, Line[]>;
  /** Whether there are earlier ones. */
  more: Record<string, boolean>;
  /** Conversation that is shown: its id, null for a new one, undefined for the list. */
  shown: string | null | undefined;
  typing: Record<string, { screenname: string; until: number } | undefined>;
  queue: Record<string, { position: number | null; seconds: number | null; transfered: boolean } | undefined>;
  /** What agents have read last, while this window was there to hear of it. */
  seen: Record<string, string>;
  /** The last place of the log that was seen. */
  seq: number;
  online: boolean;
  /** Why the chat cannot go on. */
  ended: string | undefined;
  opened: boolean;
}

/** A new conversation has no id yet; its lines are kept here. */
export const NEW = '';

export const begin = (opened: boolean): State => ({
  threads: [],
  lines: {},
  more: {},
  shown: null,
  typing: {},
  queue: {},
  seen: {},
  seq: 0,
  online: true,
  ended: undefined,
  opened,
});

const byDate = (one: Content, two: Content): number =>
  one.created_at < two.created_at ? -1 : one.created_at > two.created_at ? 1 : one.id < two.id ? -1 : 1;

/** A content takes the place of what it is: the same id, or the same message of ours on its way. Lines on their way are last. */
export function placed(lines: readonly Line[], content: Line): Line[] {
  const is = (line: Line): boolean => line.id === content.id || (!!content.client_id && line.client_id === content.client_id);
  const others = lines.filter((line) => !is(line));
  const settled = others.filter((line) => !line.state);
  const waiting = others.filter((line) => line.state);
  if (content.state) {
    // One that is tried again keeps its place among those that wait.
    const at = lines.filter((line) => line.state).findIndex(is);
    waiting.splice(at < 0 ? waiting.length : at, 0, content);
  } else {
    settled.push(content);
    settled.sort(byDate);
  }
  return [...settled, ...waiting];
}

/** The one with the latest message first. */
export const sorted = (threads: readonly Thread[]): Thread[] =>
  [...threads].sort((one, two) => (one.updated_at < two.updated_at ? 1 : -1));

/** Something that the stream told of. */
export function told(state: State, event: Told, now: number): State {
  const seq = 'seq' in event ? Math.max(state.seq, Number(event.seq) || 0) : state.seq;
  switch (event.type) {
    case 'content': {
      const { content } = event;
      const { thread_id } = content;
      // The first answer to a new conversation of ours: its lines move to the conversation that it made.
      const moved = content.client_id ? state.lines[NEW]?.some(({ client_id }) => client_id === content.client_id) : false;
      const lines = { ...state.lines };
      if (moved) {
        const ours = (lines[NEW] ?? []).map((line) => ({ ...line, thread_id, ...(line.outgoing && { outgoing: { ...line.outgoing, thread_id } }) }));
        lines[thread_id] = [...(lines[thread_id] ?? []), ...ours];
        delete lines[NEW];
      }
      const shown = moved && state.shown === null ? thread_id : state.shown;
      const known = lines[thread_id];
      if (known) lines[thread_id] = placed(known, content);
      const typing = content.from === 'agent' ? { ...state.typing, [thread_id]: undefined } : state.typing;
      const queue = content.from === 'agent' ? { ...state.queue, [thread_id]: undefined } : state.queue;
      const threads = state.threads.map((thread) => {
        const order = thread.last_content ? byDate(thread.last_content, content) : -1;
        if (thread.id !== thread_id || order > 0 || content.from === 'system') return thread;
        // The same one again is one that has changed.
        const unread = thread.unread + (order && content.from === 'agent' ? 1 : 0);
        return { ...thread, last_content: content, updated_at: content.created_at, unread };
      });
      return { ...state, seq, lines, shown, typing, queue, threads: sorted(threads) };
    }
    case 'thread':
      return { ...state, seq, threads: sorted([event.thread, ...state.threads.filter(({ id }) => id !== event.thread.id)]) };
    case 'read': {
      if (event.from === 'agent') return { ...state, seq, seen: { ...state.seen, [event.thread_id]: event.content_id } };
      const threads = state.threads.map((thread) => (thread.id === event.thread_id ? { ...thread, unread: 0 } : thread));
      return { ...state, seq, threads };
    }
    case 'typing': {
      const who = event.typing ? { screenname: event.screenname, until: now + 6000 } : undefined;
      return { ...state, typing: { ...state.typing, [event.thread_id]: who } };
    }
    case 'queue': {
      const { position, estimated_wait_seconds: seconds } = event;
      const place = event.state === 'done' ? undefined : { position, seconds, transfered: event.state === 'transfered' };
      return { ...state, queue: { ...state.queue, [event.thread_id]: place } };
    }
    case 'heartbeat':
    case 'resync':
      return { ...state, seq };
    case 'end':
      return { ...state, ended: event.error };
    default:
      // Of a newer server.
      return { ...state, seq };
  }
}

/** Too much was missed: of all conversations only what is on its way is known. */
export function forgotten(state: State): State {
  const lines = Object.entries(state.lines).map(([thread, all]) => [thread, all.filter((line) => line.state)] as const);
  return { ...state, more: {}, lines: Object.fromEntries(lines.filter(([, waiting]) => waiting.length)) };
}

/** A page of a conversation, fetched; its newest one first. */
export function fetched(state: State, threadId: string, contents: readonly Content[], more: boolean): State {
  const before = state.lines[threadId] ?? [];
  const lines = contents.reduce<Line[]>(placed, before);
  return { ...state, lines: { ...state.lines, [threadId]: lines }, more: { ...state.more, [threadId]: more } };
}

/** A message of ours goes out, or could not. */
export function sending(state: State, message: Outgoing, now: string, failed = false): State {
  const thread = message.thread_id ?? NEW;
  const line: Line = {
    id: `~${message.client_id}`,
    client_id: message.client_id,
    thread_id: thread,
    from: message.from ?? 'visitor',
    author: null,
    body: message.body,
    created_at: now,
    attachments: [],
    structured_content: null,
    state: failed ? 'failed' : 'sending',
    outgoing: message,
  };
  return { ...state, lines: { ...state.lines, [thread]: placed(state.lines[thread] ?? [], line) } };
}

/** A message of ours that could not be sent, as it was to be: with its files, and what it chose. */
export const failed = ({ lines }: State, clientId: string): Outgoing | undefined =>
  Object.values(lines)
    .flat()
    .find((line) => line.client_id === clientId && line.state === 'failed')?.outgoing;

export const unread = ({ threads }: State): number => threads.reduce((sum, thread) => sum + thread.unread, 0);
