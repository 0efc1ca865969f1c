// What people do with conversations, one or many. What cannot be taken back on the server waits some seconds before it is
// done, and is done at once when the page goes or its person signs out.

import { destroy, get, post, put, Refusal } from './api/client.ts';
import type { Category, Content, Id, Intervention, Page, Thread } from './api/types.ts';
import { client } from './data.ts';
import { onCustomer, touch } from './live.ts';
import { customerName } from './names.ts';
import { go } from './routes.ts';
import { isOut, onSession } from './session.ts';
import { t } from './language/index.ts';
import { complain, dismiss, say, words } from './ui/toasts.tsx';

/** For so long, what was done can be undone. */
export const UNDO_MS = 6_000;

interface Later {
  /** Before its time. */
  now(): void;
  cancel(): void;
}

const waiting = new Set<Later>();
/** What is being done now. */
const doing = new Set<Promise<unknown>>();
const hurry = (): void => {
  for (const later of waiting) later.now();
};
addEventListener('pagehide', hurry);

/** Does all that waits at once, and resolves when it is done, with all that follows from it. */
export async function settle(): Promise<void> {
  while (waiting.size || doing.size) {
    hurry();
    await Promise.allSettled(doing);
  }
}

/** Runs `work` in a while, unless it is cancelled before. */
export function later(work: () => Promise<unknown>, ms = UNDO_MS): Later {
  const run = () => {
    clearTimeout(timer);
    if (!waiting.delete(it)) return;
    const done = work().finally(() => doing.delete(done));
    doing.add(done);
  };
  const timer = setTimeout(run, ms);
  const it: Later = {
    now: run,
    cancel: () => {
      clearTimeout(timer);
      waiting.delete(it);
    },
  };
  waiting.add(it);
  return it;
}

/** Threads that are about to leave the list: they are not shown in it any more. */
let leaving = new Set<Id>();
const listeners = new Set<() => void>();
export const leavingThreads = (): Set<Id> => leaving;
export const onLeaving = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

function leave(threads: Thread[], gone: boolean): void {
  leaving = new Set(leaving);
  for (const { id } of threads) {
    if (gone) leaving.add(id);
    else leaving.delete(id);
  }
  for (const listener of listeners) listener();
}

/** Whether an answer to a content makes sense: a customer wrote it. */
export const isCustomers = ({ creator_id, status }: Pick<Content, 'creator_id' | 'status'>): boolean =>
  !creator_id && status !== 'user_reply' && status !== 'user_initiated';

/** The customer's latest content. */
export async function latestOfCustomer(thread: Id): Promise<Content | undefined> {
  const page = await get<Page<Content>>('/contents', { q: `thread:${thread}`, limit: 60 });
  return page.records.find(isCustomers);
}

export const isOpen = (thread: Thread): boolean => !!thread.intervention && !thread.intervention.closed_at;

/** The intervention that is open, if there is one. */
export const openOf = (interventions: Intervention[] | undefined): Intervention | undefined => interventions?.find(({ closed }) => !closed);

/** What takes back what was done. */
type Undo = () => Promise<unknown>;

const change = (intervention: Id, verb: string, body?: object) => put<Intervention>(`/interventions/${intervention}/${verb}`, body);

/** Makes the thread somebody's: one's own when nobody is named. */
export async function assign(thread: Thread, user?: Id): Promise<Undo> {
  const undo = await (isOpen(thread) && thread.intervention?.user_id ? hand : engage)(thread, user);
  touch(thread.id);
  return () => undo().finally(() => touch(thread.id));
}

/** Of what is somebody's. */
async function hand({ intervention }: Thread, user: Id | undefined): Promise<Undo> {
  const { id, user_id: owner } = intervention!;
  await change(id, 'reassign', { user_id: user });
  return () => change(id, 'reassign', { user_id: owner });
}

/** Of what is nobody's. When it is undone or refused, what was opened for that is gone again, closed again, or nobody's again. */
async function engage(thread: Thread, user: Id | undefined): Promise<Undo> {
  const content = await latestOfCustomer(thread.id);
  if (!content) throw new Refusal(422, '', t('no_answer_here'));
  const made = await post<Intervention>('/interventions', { content_id: content.id });
  const { id } = made;
  const was = thread.intervention?.id === id ? thread.intervention : undefined;
  const undo = async () => {
    if (was && !was.closed_at) return change(id, 'release');
    if (made.user_replies_count) {
      if (was?.user_id) await change(id, 'reassign', { user_id: was.user_id });
      return change(id, 'close');
    }
    // With it would go what colleagues noted under it meanwhile.
    const { comments_count } = await get<Intervention>(`/interventions/${id}`);
    return comments_count ? change(id, 'release') : destroy(`/interventions/${id}/cancel`);
  };
  try {
    if (user && user !== made.user_id) await change(id, 'reassign', { user_id: user });
  } catch (trouble) {
    await undo().catch(() => {});
    throw trouble;
  }
  return undo;
}

/** Makes the thread nobody's; what was set aside until a time is again when that is undone. */
async function release(thread: Thread): Promise<Undo> {
  const { id, user_id: owner, deferred_at } = thread.intervention!;
  await change(id, 'release');
  touch(thread.id);
  return async () => {
    await change(id, 'reassign', { user_id: owner });
    if (deferred_at) await change(id, 'defer', { deferred_at });
    touch(thread.id);
  };
}

export async function categorise(thread: Thread, categories: Id[]): Promise<void> {
  await put(`/content_threads/${thread.id}/update_categories`, { thread_category_ids: categories });
  touch(thread.id);
}

export async function defer(intervention: Id, thread: Id, until: Date): Promise<void> {
  await put(`/interventions/${intervention}/defer`, { deferred_at: until.toISOString() });
  touch(thread);
}

export async function reactivate(intervention: Id, thread: Id): Promise<void> {
  await put(`/interventions/${intervention}/reactivate`);
  touch(thread);
}

onSession(() => {
  if (!isOut()) return;
  // Whose session is over does nothing more: it would be done in the name of the next one.
  for (const later of waiting) later.cancel();
  leaving = new Set();
});

/** A thread stays, as its customer wrote when it was about to end. */
export const stays = (thread: Thread): void =>
  void say(t('wrote_meanwhile', { name: customerName(thread) }), { ms: 12_000, action: { label: t('open'), act: () => go({ folder: 'all', thread: thread.id, q: '' }) } });

/** What was read last of a thread. */
const seenOf = ({ id, last_content }: Thread): Id | undefined => (client.getQueryData<Thread>(['thread', id])?.last_content ?? last_content)?.id;

/** Ends each after the time for undoing, and says how many of them could not be ended. One in which its customer writes
 * meanwhile is not: the server is told what was read, and so knows of what has not been heard of here. */
function soon(threads: Thread[], said: string, work: (thread: Thread, seen: { seen_content_id: Id | undefined }) => Promise<unknown>): void {
  leave(threads, true);
  const seen = new Map(threads.map((thread) => [thread.id, { seen_content_id: seenOf(thread) }]));
  let ending = threads;
  const it = later(async () => {
    deaf();
    // All are asked for in this moment: there may be no other.
    const done = await Promise.allSettled(ending.map((thread) => work(thread, seen.get(thread.id)!)));
    const failed: unknown[] = [];
    done.forEach((one, at) => {
      if (one.status === 'fulfilled') return;
      if (one.reason instanceof Refusal && one.reason.code === 'unseen_content') stays(ending[at]!);
      else failed.push(one.reason);
    });
    for (const { id } of ending) touch(id);
    // By now the list has been asked for again, or is in a moment.
    setTimeout(() => leave(ending, false), 1_500);
    if (failed.length && ending.length === 1) complain(failed[0]);
    else if (failed.length) say(t('bulk_partly', { done: ending.length - failed.length, count: ending.length, reason: words(failed[0]) }), { bad: true });
  });
  const stop = () => {
    deaf();
    it.cancel();
    leave(ending, false);
  };
  const deaf = onCustomer((id) => {
    if (!waiting.has(it)) return deaf();
    const kept = ending.find((thread) => thread.id === id);
    if (!kept) return;
    if (ending.length === 1) {
      stop();
      dismiss(toast);
    } else {
      ending = ending.filter((thread) => thread !== kept);
      leave([kept], false);
    }
    stays(kept);
  });
  const toast = say(said, { ms: UNDO_MS, undo: stop });
}

export function archive(threads: Thread[]): void {
  soon(threads, threads.length === 1 ? t('archived_now') : t('bulk_archived', { count: threads.length }), ({ id }, seen) => put(`/content_threads/${id}/ignore`, seen));
}

export function resolve(threads: Thread[]): void {
  soon(threads, threads.length === 1 ? t('closed_now') : t('bulk_closed', { count: threads.length }), async (thread, seen) => {
    if (!isOpen(thread) || !thread.intervention) throw new Refusal(403, '', t('close_needs_reply'));
    await put(`/interventions/${thread.intervention.id}/close`, seen);
  });
}

/** Does it to one after the other, as each is now, which may not be how it is shown; says when all are done, and takes back what
    was done to them. */
async function each(threads: Thread[], said: string, work: (thread: Thread) => Promise<Undo | undefined>): Promise<void> {
  const undos: Undo[] = [];
  const failed: unknown[] = [];
  for (const { id } of threads) {
    try {
      const undo = await work(await get<Thread>(`/content_threads/${id}`, { extended: true }));
      if (undo) undos.push(undo);
    } catch (trouble) {
      failed.push(trouble);
    }
  }
  const back = undos.length ? { undo: () => undos.forEach((undo) => void undo().catch(complain)) } : {};
  if (failed.length === 1 && threads.length === 1) complain(failed[0]);
  else if (failed.length) say(t('bulk_partly', { done: threads.length - failed.length, count: threads.length, reason: words(failed[0]) }), { bad: true, ...back });
  else say(said, back);
}

/** Gives them to somebody, or to nobody. */
export function assignMany(threads: Thread[], user: { id: Id; name: string } | undefined): Promise<void> {
  const [count, name] = [threads.length, user?.name ?? ''];
  const said = user ? (count === 1 ? t('assigned_now', { name }) : t('bulk_assigned', { count, name })) : count === 1 ? t('released_now') : t('bulk_released', { count });
  return each(threads, said, async (thread) => {
    const owner = (isOpen(thread) && thread.intervention?.user_id) || undefined;
    if (owner === user?.id) return;
    return user ? assign(thread, user.id) : release(thread);
  });
}

/** Adds a category to each, in place of its siblings where only one may be; gives back what they had. */
export function categoriseMany(threads: Thread[], category: Id, siblings: Id[]): Promise<void> {
  return each(threads, t('bulk_categorised', { count: threads.length }), async (thread) => {
    const before = thread.thread_category_ids;
    if (before.includes(category)) return;
    await categorise(thread, [...before.filter((id) => !siblings.includes(id)), category]);
    return () => categorise(thread, before);
  });
}

/** With one category more, or one less. A branch that takes one category only takes the new one in place of the old one. */
export function toggled(offered: { id: Id; root: Category }[], held: Id[], id: Id): Id[] {
  if (held.includes(id)) return held.filter((one) => one !== id);
  const root = offered.find((one) => one.id === id)?.root;
  const others = root && !root.multiple ? held.filter((one) => offered.find((other) => other.id === one)?.root.id !== root.id) : held;
  return [...others, id];
}

/** The categories that can be chosen on a source, each as the way to it. Those of a root for endings are an intervention's. */
export function choosable(categories: Category[], source: Id): { id: Id; path: string; root: Category }[] {
  const byId = new Map(categories.map((category) => [category.id, category]));
  return categories.flatMap((category) => {
    const names = [category.name];
    let root = category;
    while (root.parent_id && byId.has(root.parent_id)) {
      root = byId.get(root.parent_id)!;
      names.unshift(root.name);
    }
    if (category.unselectable || (root.source_ids.length && !root.source_ids.includes(source))) return [];
    return [{ id: category.id, path: names.join(' › '), root }];
  });
}
