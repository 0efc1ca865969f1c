// The console within another site: its documented addresses, and what it tells the page around it. The server
// decides whether it may be shown there at all.

import { useEffect, useState } from 'react';
import { get, Refusal } from './api/client.ts';
import type { Content, Id, Thread } from './api/types.ts';
import { t } from './language/index.ts';
import { type Route, go } from './routes.ts';
import { Empty, Failed } from './ui/pieces.tsx';
import { words } from './ui/toasts.tsx';

const isFramed = window.parent !== window;

/** Seconds, as the documented events have times. */
export const seconds = (time: string | undefined): number | null => (time ? Date.parse(time) / 1_000 : null);

/** Tells the page around the console. Which one that may be is the account's own setting. */
export function tell(name: string, data: Record<string, unknown> = {}): void {
  if (isFramed) window.parent.postMessage({ name: `smcc:${name}`, data }, '*');
}

/** What is told of an intervention that is opened or closed. */
export function aboutIntervention({ id, last_content, customer, source_id, updated_at }: Thread, intervention: Id | undefined): Record<string, unknown> {
  const content = last_content?.id ?? null;
  return { id: content, authorId: last_content?.author_id ?? null, threadId: id, inReplyToAuthorId: customer?.id ?? null, inReplyToId: content, interventionId: intervention ?? null, updatedAt: seconds(updated_at), sourceId: source_id };
}

/** A content or a task that an address names, on its way to the conversation that it is in. */
export const Lead = ({ to }: { to: NonNullable<Route['lead']> }) => {
  const [trouble, setTrouble] = useState<unknown>();
  const [kind, id] = to.split('/') as ['contents' | 'tasks', Id];
  useEffect(() => {
    setTrouble(undefined);
    get<Pick<Content, 'thread_id'>>(`/${kind}/${id}`)
      .then(({ thread_id }) => go({ lead: undefined, folder: 'all', thread: thread_id }, true))
      .catch(setTrouble);
  }, [kind, id]);
  if (!trouble) return null;
  if (trouble instanceof Refusal && trouble.status < 500) return <Empty title={t('nothing_here')} lead={t('nothing_here_lead')} />;
  return <Failed message={words(trouble)} />;
};
