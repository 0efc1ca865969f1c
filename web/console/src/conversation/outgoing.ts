// Answers on their way: each waits some seconds in which it can be taken back, then it is sent until the server has it.
// Until then its words are kept as the draft of its thread, so that nothing that happens to this tab loses them.

import { useSyncExternalStore } from 'react';
import { later, UNDO_MS } from '../actions.ts';
import { post, put } from '../api/client.ts';
import type { Attachment, Content, Id } from '../api/types.ts';
import { client } from '../data.ts';
import { touch } from '../live.ts';
import { t } from '../language/index.ts';
import { moment } from '../time.ts';
import { complain, say, words } from '../ui/toasts.tsx';
import { release } from './drafts.ts';
import type { Made } from './structured-composer.tsx';

export interface Answer {
  thread: Id;
  to: Id;
  body: string;
  html: boolean;
  private: boolean;
  /** As whom; the server's choice where nothing is said. */
  author: Id | undefined;
  attachments: Attachment[];
  structured: Made | undefined;
  /** Versions of the reply assistant that are in it. */
  assisted: Id[];
}

export interface Sending extends Answer {
  key: string;
  state: 'waiting' | 'sending';
  /** Until it goes. */
  seconds: number;
  undo: () => void;
}

let all: Sending[] = [];
const byThread = new Map<Id, Sending[]>();
const NONE: Sending[] = [];
const listeners = new Set<() => void>();

function set(to: Sending[]): void {
  all = to;
  byThread.clear();
  for (const one of all) byThread.set(one.thread, [...(byThread.get(one.thread) ?? []), one]);
  for (const listener of listeners) listener();
}
const change = (key: string, to: Partial<Sending>): void => set(all.map((one) => (one.key === key ? { ...one, ...to } : one)));
const remove = (key: string): void => set(all.filter((one) => one.key !== key));

export const useOutgoing = (thread: Id): Sending[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => byThread.get(thread) ?? NONE,
  );

const request = (answer: Answer, key: string, at?: Date): Promise<Content> =>
  post<Content>(
    '/contents?extended=true',
    {
      in_reply_to_id: answer.to,
      body: answer.body,
      attachment_ids: answer.attachments.map(({ id }) => id),
      ...(answer.html && { body_format: 'html' }),
      ...(answer.private && { private: true }),
      ...(answer.author && { author_id: answer.author }),
      ...(answer.structured && { structured_content: answer.structured.content }),
      ...(answer.assisted.length && { reply_assistant_version_ids: answer.assisted }),
      ...(at && { scheduled_at: at.toISOString() }),
    },
    key,
  );

/** It is shown where it belongs before the list of contents is asked for again: nothing jumps. */
function arrived(thread: Id, made: Content): void {
  client.setQueriesData<{ contents: Content[]; hasOlder: boolean }>({ queryKey: ['contents', thread] }, (held) =>
    held && !held.contents.some(({ id }) => id === made.id) ? { ...held, contents: [...held.contents, made] } : held,
  );
  touch(thread);
}

/** `back`: gives the words back, when the person wishes or the server refuses. `then`: once the server has it. */
export function send(answer: Answer, back: (answer: Answer) => void, then: () => void): void {
  const key = crypto.randomUUID();
  const go = async () => {
    clearInterval(clock);
    change(key, { state: 'sending' });
    try {
      const made = await request(answer, key);
      remove(key);
      arrived(answer.thread, made);
      release(answer.thread);
      then();
    } catch (trouble) {
      remove(key);
      back(answer);
      say(t('send_failed', { reason: words(trouble) }), { bad: true, ms: 12_000 });
    }
  };
  const it = later(() => void go());
  const goes = Date.now() + UNDO_MS;
  const clock = setInterval(() => change(key, { seconds: Math.max(1, Math.ceil((goes - Date.now()) / 1000)) }), 500);
  const undo = () => {
    it.cancel();
    clearInterval(clock);
    remove(key);
    back(answer);
  };
  set([...all, { ...answer, key, state: 'waiting', seconds: UNDO_MS / 1000, undo }]);
}

/** Later: the server keeps it until then, and it can be taken back all the while. */
export async function sendAt(answer: Answer, at: Date, back: (answer: Answer) => void): Promise<void> {
  try {
    const made = await request(answer, crypto.randomUUID(), at);
    arrived(answer.thread, made);
    release(answer.thread);
    const undo = () => {
      put(`/contents/${made.id}/withdraw`)
        .then(() => {
          touch(answer.thread);
          back({ ...answer, attachments: [] });
        })
        .catch(complain);
    };
    say(t('scheduled', { when: moment(at.toISOString()) }), { undo });
  } catch (trouble) {
    back(answer);
    say(t('send_failed', { reason: words(trouble) }), { bad: true, ms: 12_000 });
  }
}
