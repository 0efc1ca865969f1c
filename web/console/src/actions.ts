// What people do with conversations, one or many. What cannot be taken back on the server waits some seconds before it is
// done, and is done at once when the page goes.

import { get, post, put, Refusal } from './api/client.ts';
import type { Category, Content, Id, Intervention, Page, Thread } from './api/types.ts';
import { touch } from './live.ts';
import { t } from './language/index.ts';
import { complain, say, words } from './ui/toasts.tsx';

/** For so long, what was done can be undone. */
export const UNDO_MS = 6_000;

interface Later {
  /** Before its time. */
  now(): void;
  cancel(): void;
}

const waiting = new Set<Later>();
addEventListener('pagehide', () => {
  for (const later of waiting) later.now();
});

/** Runs `work` in a while, unless it is cancelled before. */
export function later(work: () => void, ms = UNDO_MS): Later {
  const run = () => {
    clearTimeout(timer);
    if (waiting.delete(it)) work();
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

/** Makes the thread somebody's: one's own when nobody is named. */
export async function assign(thread: Thread, user?: Id): Promise<void> {
  let id = isOpen(thread) ? thread.intervention?.id : undefined;
  if (!id) {
    const content = await latestOfCustomer(thread.id);
    if (!content) throw new Refusal(422, '', t('no_answer_here'));
    id = (await post<Intervention>('/interventions', { content_id: content.id })).id;
  }
  if (user || isOpen(thread)) await put(`/interventions/${id}/reassign`, { user_id: user });
  touch(thread.id);
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

/** Does it to each after the time for undoing, and says how many of them could not be done. */
function soon(threads: Thread[], said: string, work: (thread: Thread) => Promise<unknown>): void {
  leave(threads, true);
  const it = later(async () => {
    const failed: unknown[] = [];
    for (const thread of threads) {
      try {
        await work(thread);
      } catch (trouble) {
        failed.push(trouble);
      }
      touch(thread.id);
    }
    // By now the list has been asked for again, or is in a moment.
    setTimeout(() => leave(threads, false), 1_500);
    if (failed.length && threads.length === 1) complain(failed[0]);
    else if (failed.length) say(t('bulk_partly', { done: threads.length - failed.length, count: threads.length, reason: words(failed[0]) }), { bad: true });
  });
  say(said, {
    ms: UNDO_MS,
    undo: () => {
      it.cancel();
      leave(threads, false);
    },
  });
}

export function archive(threads: Thread[]): void {
  soon(threads, threads.length === 1 ? t('archived_now') : t('bulk_archived', { count: threads.length }), ({ id }) => put(`/content_threads/${id}/ignore`));
}

export function resolve(threads: Thread[]): void {
  soon(threads, threads.length === 1 ? t('closed_now') : t('bulk_closed', { count: threads.length }), async (thread) => {
    if (!isOpen(thread) || !thread.intervention) throw new Refusal(403, '', t('close_needs_reply'));
    await put(`/interventions/${thread.intervention.id}/close`);
  });
}

/** One after the other; tells when all are done, and gives back to whom they belonged. */
export async function assignMany(threads: Thread[], user: Id, name: string): Promise<void> {
  const before: [Thread, Id][] = [];
  const failed: unknown[] = [];
  for (const thread of threads) {
    const owner = isOpen(thread) ? thread.intervention?.user_id : undefined;
    try {
      await assign(thread, user);
      if (owner && owner !== user) before.push([thread, owner]);
    } catch (trouble) {
      failed.push(trouble);
    }
  }
  if (failed.length) say(t('bulk_partly', { done: threads.length - failed.length, count: threads.length, reason: words(failed[0]) }), { bad: true });
  else {
    const undo = before.length ? { undo: () => before.forEach(([thread, owner]) => void assign(thread, owner).catch(complain)) } : {};
    say(threads.length === 1 ? t('assigned_now', { name }) : t('bulk_assigned', { count: threads.length, name }), undo);
  }
}

/** Adds a category to each, in place of its siblings where only one may be; gives back what they had. */
export async function categoriseMany(threads: Thread[], category: Id, siblings: Id[]): Promise<void> {
  const changed: Thread[] = [];
  const failed: unknown[] = [];
  for (const thread of threads) {
    const before = thread.thread_category_ids;
    if (before.includes(category)) continue;
    try {
      await categorise(thread, [...before.filter((id) => !siblings.includes(id)), category]);
      changed.push(thread);
    } catch (trouble) {
      failed.push(trouble);
    }
  }
  if (failed.length) say(t('bulk_partly', { done: threads.length - failed.length, count: threads.length, reason: words(failed[0]) }), { bad: true });
  else say(t('bulk_categorised', { count: threads.length }), { undo: () => changed.forEach((thread) => void categorise(thread, thread.thread_category_ids).catch(complain)) });
}

/** Says how an intervention ended. */
export async function dispose(intervention: Intervention, categories: Id[]): Promise<void> {
  await put(`/interventions/${intervention.id}/update_categories`, { category_ids: categories });
  touch(intervention.thread_id);
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
