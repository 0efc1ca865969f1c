// What the address means. Everything that is shown can be shared and survives a reload:
// /inbox/{folder}/{thread}?q=…&sort=…
// Beside them are the addresses under which other sites show the console within theirs, such as /content_threads/{id}.

import { useSyncExternalStore } from 'react';

export interface Route {
  /** One of ours, such as `mine`, or the id of a saved one. */
  folder: string;
  thread: string | undefined;
  /** A search over everything, in the folder `search`. */
  q: string;
  sort: Sort;
  /** `permalink`: one conversation and nothing else. `no-header`: without the product's name. */
  view?: View | undefined;
  /** What an address names that is looked up first: `contents/{id}` or `tasks/{id}`. */
  lead?: string | undefined;
}

export type View = 'permalink' | 'no-header';

export const SORTS = ['newest', 'oldest', 'created', 'due'] as const;
export type Sort = (typeof SORTS)[number];

const isSort = (word: string | null): word is Sort => SORTS.includes(word as Sort);

/** The pieces of a path; nothing where it is written as no address is, such as `/inbox/%zz`. */
export function piecesOf(path: string): string[] | undefined {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Nothing for an address that means nothing. */
export function read(path: string, search: string): Route | undefined {
  const pieces = piecesOf(path);
  if (!pieces) return undefined;
  const [area = 'inbox', folder = 'waiting', thread, ...more] = pieces;
  const given = new URLSearchParams(search);
  const sort = given.get('sort');
  const shown = given.get('view')?.split(',') ?? [];
  const view: View | undefined = shown.includes('permalink') ? 'permalink' : shown.includes('no-header') ? 'no-header' : undefined;
  const rest = { q: given.get('q') ?? '', sort: isSort(sort) ? sort : 'newest', ...(view && { view }) } as const;
  if (area === 'home' && pieces.length === 1) return { ...rest, folder: 'waiting', thread: undefined };
  if (area === 'tasks' && pieces.length === 1) return { ...rest, folder: 'mine', thread: undefined };
  if (area === 'tasks' && thread === 'permalink' && !more.length) return { ...rest, view: 'permalink', folder: 'all', thread: undefined, lead: `tasks/${folder}` };
  if (area === 'content_threads' && pieces.length === 2) return { ...rest, folder: 'all', thread: folder };
  if (area === 'contents' && pieces.length === 2) return { ...rest, folder: 'all', thread: undefined, lead: `contents/${folder}` };
  if (area !== 'inbox' || more.length) return undefined;
  return { ...rest, folder, thread };
}

export function address({ folder, thread, q, sort, view }: Route): string {
  const given = new URLSearchParams();
  if (q) given.set('q', q);
  if (sort !== 'newest') given.set('sort', sort);
  if (view) given.set('view', view);
  const text = given.toString();
  return `/inbox/${encodeURIComponent(folder)}${thread ? `/${thread}` : ''}${text && `?${text}`}`;
}

const listeners = new Set<() => void>();
let shown = location.href;
let current = read(location.pathname, location.search);

function look(): void {
  if (location.href !== shown) {
    shown = location.href;
    current = read(location.pathname, location.search);
  }
  for (const listener of listeners) listener();
}
addEventListener('popstate', look);

export const route = (): Route | undefined => current;

const heard = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const useRoute = (): Route | undefined => useSyncExternalStore(heard, route);

/** The address itself, for parts of the screen that read their own. */
export const useAddress = (): string => useSyncExternalStore(heard, () => location.pathname + location.search);

/** Goes to an address of this site. */
export function visit(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  look();
}

/** Goes there; what is not named stays. `replace`: the way back leads past here. */
export function go(to: Partial<Route>, replace = false): void {
  const from: Route = current ?? { folder: 'waiting', thread: undefined, q: '', sort: 'newest' };
  visit(address({ ...from, ...to }), replace);
}

/** To another folder: without thread and search. */
export const goToFolder = (folder: string): void => go({ folder, thread: undefined, q: '' });
