// Answers on their way: each waits some seconds in which it can be taken back, then it is sent until the server has it, or its
// writer takes it back after all because nobody answers.
// Until then its words are kept as the draft of its thread, so that nothing that happens to this tab loses them.

import { useSyncExternalStore } from 'react';
import { later, UNDO_MS } from '../actions.ts';
import { put, Refusal } from '../api/client.ts';
import { postOnce } from '../api/once.ts';
import type { Attachment, Content, Id } from '../api/types.ts';
import { client } from '../data.ts';
import { touch } from '../live.ts';
import { t } from '../language/index.ts';
import { isOut, onSession } from '../session.ts';
import { moment } from '../time.ts';
import { complain, say, words } from '../ui/toasts.tsx';
import { release } from './drafts.ts';
import type { Made } from './structured-composer.tsx';

/** Milliseconds between two attempts: twice as many each time. */
const AGAIN_MS = 1_000;
const AGAIN_MS_MAX = 8_000;

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
  /** `stuck`: it was sent, nobody has answered, and it is sent again. */
  state: 'waiting' | 'sending' | 'stuck';
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

const request = (answer: Answer, at?: Date): Promise<Content> =>
  postOnce<Content>(
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
  );

onSession(() => {
  // Nothing of theirs goes on, nor comes back for the next one to read.
  if (isOut()) set([]);
});

/** It is shown where it belongs before the list of contents is asked for again: nothing jumps. */
function arrived(thread: Id, made: Content): void {
  client.setQueriesData<{ contents: Content[]; hasOlder: boolean }>({ queryKey: ['contents', thread] }, (held) =>
    held && !held.contents.some(({ id }) => id === made.id) ? { ...held, contents: [...held.contents, made] } : held,
  );
  touch(thread);
}

/** `back`: gives the words back, when the person wishes or the server refuses. `then`: once the server has it. */
export function send(answer: Answer, back: (answer: Answer) => void, then: (made: Content) => void): void {
  const key = crypto.randomUUID();
  const isHere = (): boolean => all.some((one) => one.key === key);
  const go = async () => {
    clearInterval(clock);
    change(key, { state: 'sending' });
    let made: Content | undefined;
    for (let pause = AGAIN_MS; !made; pause = Math.min(2 * pause, AGAIN_MS_MAX)) {
      try {
        made = await request(answer);
      } catch (trouble) {
        if (!isHere()) return;
        if (trouble instanceof Refusal) {
          remove(key);
          back(answer);
          say(t('send_failed', { reason: words(trouble) }), { bad: true, ms: 12_000 });
          return;
        }
        change(key, { state: 'stuck' });
        await new Promise((next) => setTimeout(next, pause));
        if (!isHere()) return;
      }
    }
    remove(key);
    arrived(answer.thread, made);
    then(made);
    await release(answer.thread);
  };
  const it = later(go);
  const goes = Date.now() + UNDO_MS;
  const clock = setInterval(() => {
    if (!isHere()) return clearInterval(clock);
    change(key, { seconds: Math.max(1, Math.ceil((goes - Date.now()) / 1000)) });
  }, 500);
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
    const made = await request(answer, at);
    arrived(answer.thread, made);
    void release(answer.thread);
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
