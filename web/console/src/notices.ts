// What somebody should hear of while they look elsewhere: a colleague who mentions them, a customer who writes to them or to
// nobody, a task that rings. As notifications of the browser, when they asked for those and the page is not in sight.

import { useSyncExternalStore } from 'react';
import { get } from './api/client.ts';
import type { Comment, Id, Thread, Told, User } from './api/types.ts';
import { isMentioned } from './conversation/mentions.tsx';
import { client } from './data.ts';
import { t } from './language/index.ts';
import { customerName, fullName } from './names.ts';
import { go } from './routes.ts';
import { complain, say } from './ui/toasts.tsx';
import { local } from './storage.ts';

const KEY = 'frontdesk.notices';
/** Milliseconds between two notifications about customers: of many, one is enough. */
const PAUSE_MS = 5_000;

const listeners = new Set<() => void>();
const isPossible = (): boolean => 'Notification' in window;
const isOn = (): boolean => isPossible() && Notification.permission === 'granted' && local.getItem(KEY) === 'on';

/** Whether notifications are shown; nothing where the browser has none. */
export const useNotices = (): boolean | undefined =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => (isPossible() ? isOn() : undefined),
  );

export async function switchNotices(on: boolean): Promise<void> {
  if (on && (await Notification.requestPermission()) !== 'granted') return void say(t('notices_refused'), { bad: true });
  local.setItem(KEY, on ? 'on' : 'off');
  for (const listener of listeners) listener();
}

export function notify(title: string, body: string, thread: Id): void {
  if (!isOn() || !document.hidden) return;
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.href;
  // One for each conversation: the next takes the place of the last.
  const shown = new Notification(title, { body, tag: thread, ...(icon && { icon }) });
  shown.onclick = () => {
    focus();
    go({ folder: 'all', thread, q: '' });
    shown.close();
  };
}

/** An intervention became somebody's. */
const TAKINGS = ['intervention.opened', 'intervention.assigned', 'intervention.user_updated'];

let quietUntil = 0;

async function customer(thread: Id, me: User): Promise<void> {
  if (!isOn() || !document.hidden || Date.now() < quietUntil) return;
  quietUntil = Date.now() + PAUSE_MS;
  const found = await get<Thread>(`/content_threads/${thread}`, { extended: true });
  const owner = found.intervention && !found.intervention.closed_at ? found.intervention.user_id : undefined;
  if (owner && owner !== me.id) return;
  notify(customerName(found), found.last_content?.excerpt ?? '', thread);
}

async function comment(id: Id, by: Id, me: User): Promise<void> {
  const found = await get<Comment & { thread_id: Id }>(`/intervention_comments/${id}`);
  if (!isMentioned(found.body, me)) return;
  const said = t('mentioned_you', { name: nameOf(by) });
  say(said, { ms: 20_000, action: { label: t('open'), act: () => go({ folder: 'all', thread: found.thread_id, q: '' }) } });
  notify(said, found.body, found.thread_id);
}

/** A colleague has what was in one's own hands. */
async function taken(thread: Id, owner: Id, me: User): Promise<void> {
  const wasMine =
    client.getQueryData<Thread>(['thread', thread])?.intervention?.user_id === me.id ||
    client.getQueryData<{ thread_id: Id }[]>(['tasks', `workbin_${me.id}`])?.some(({ thread_id }) => thread_id === thread);
  if (!wasMine) return;
  const found = await get<Thread>(`/content_threads/${thread}`, { extended: true });
  const said = t('taken_by', { colleague: nameOf(owner), name: customerName(found) });
  say(said, { ms: 20_000, action: { label: t('open'), act: () => go({ folder: 'all', thread, q: '' }) } });
}

const nameOf = (id: Id): string => {
  const user = client.getQueryData<User[]>(['users'])?.find((one) => one.id === id);
  return user ? fullName(user) : t('colleague');
};

/** An event of the stream. */
export function hear({ type, user_id, resource }: Told): void {
  const me = client.getQueryData<User>(['me']);
  if (!me || !resource || user_id === me.id) return;
  const thread = resource.metadata.thread_id as Id | undefined;
  const owner = resource.metadata.user_id as Id | null | undefined;
  // What cannot be read needs no notice.
  if (type === 'intervention_comment.created' && user_id) comment(resource.id, user_id, me).catch(() => {});
  else if (type === 'content.imported' && thread) customer(thread, me).catch(() => {});
  else if (TAKINGS.includes(type) && thread && owner && owner !== me.id) taken(thread, owner, me).catch(() => {});
}

export const toggleNotices = (on: boolean): void => void switchNotices(on).catch(complain);
