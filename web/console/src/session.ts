// Who is signed in, in this tab. The token is kept for as long as the tab is, and goes into a header, never an address.

import { useSyncExternalStore } from 'react';

const KEY = 'frontdesk.token';
const listeners = new Set<() => void>();

/** Why the screen for signing in is shown, where that was not the person's own wish. */
let ended: 'refused' | undefined;

export const token = (): string | null => sessionStorage.getItem(KEY);
export const whyEnded = (): 'refused' | undefined => ended;

export function signIn(given: string): void {
  ended = undefined;
  sessionStorage.setItem(KEY, given);
  for (const listener of listeners) listener();
}

export function signOut(why?: 'refused'): void {
  ended = why;
  sessionStorage.removeItem(KEY);
  for (const listener of listeners) listener();
}

/** Called whenever somebody comes or goes, in the order in which it was asked for. */
export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const useToken = (): string | null => useSyncExternalStore(onSession, token);
