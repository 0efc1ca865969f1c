// What the address means. Everything that is shown can be shared and survives a reload:
// /inbox/{folder}/{thread}?q=…&sort=…

import { useSyncExternalStore } from 'react';

export interface Route {
  /** One of ours, such as `mine`, or the id of a saved one. */
  folder: string;
  thread: string | undefined;
  /** A search over everything, in the folder `search`. */
  q: string;
  sort: Sort;
}

export const SORTS = ['newest', 'oldest', 'created', 'due'] as const;
export type Sort = (typeof SORTS)[number];

const isSort = (word: string | null): word is Sort => SORTS.includes(word as Sort);

/** Nothing for an address that means nothing. */
export function read(path: string, search: string): Route | undefined {
  const [area = 'inbox', folder = 'waiting', thread, ...more] = path.split('/').filter(Boolean).map(decodeURIComponent);
  if (area !== 'inbox' || more.length) return undefined;
  const given = new URLSearchParams(search);
  const sort = given.get('sort');
  return { folder, thread, q: given.get('q') ?? '', sort: isSort(sort) ? sort : 'newest' };
}

export function address({ folder, thread, q, sort }: Route): string {
  const given = new URLSearchParams();
  if (q) given.set('q', q);
  if (sort !== 'newest') given.set('sort', sort);
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
