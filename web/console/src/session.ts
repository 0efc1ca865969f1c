// Who is signed in. Their session is a cookie that no script can read, and that counts only with a header that no page of
// another site can send (docs/integrator/signing-in.md). An access token does as well: it is kept for as long as this
// tab is, and goes into a header, never into an address.

import { useSyncExternalStore } from 'react';
import { tab } from './storage.ts';

const KEY = 'frontdesk.token';
/** Milliseconds for which signing out waits for what has to be done before. */
const PARTING_MS = 5_000;

export type Session = { kind: 'unknown' } | { kind: 'out'; why?: 'ended' | 'left' } | { kind: 'in'; token: string | undefined };

const listeners = new Set<() => void>();
const kept = (): string | undefined => tab.getItem(KEY) ?? undefined;
let session: Session = kept() ? { kind: 'in', token: kept() } : { kind: 'unknown' };

function set(to: Session): void {
  session = to;
  for (const listener of listeners) listener();
}

/** What makes a request that of whoever is signed in. */
export function credentials(): Record<string, string> {
  const token = session.kind === 'in' ? session.token : undefined;
  return token ? { Authorization: `Bearer ${token}` } : { 'X-Frontdesk-Console': '1' };
}

/** Looks whether this browser has a session. */
export async function look(): Promise<void> {
  if (session.kind !== 'unknown') return;
  // Asked so that nobody is refused who has done nothing yet.
  const answer = await fetch('/session/options', { headers: credentials() }).catch(() => undefined);
  const told = (await answer?.json().catch(() => undefined)) as { signed_in?: boolean } | undefined;
  set(told?.signed_in ? { kind: 'in', token: undefined } : { kind: 'out' });
}

/** With an access token, or else with the session that this browser has just got. */
export function enter(token?: string): void {
  if (token) tab.setItem(KEY, token);
  set({ kind: 'in', token });
}

/** The server knows this token or session no longer. */
export function end(): void {
  if (session.kind !== 'in') return;
  tab.removeItem(KEY);
  set({ kind: 'out', why: 'ended' });
}

let parting: () => Promise<unknown> = () => Promise.resolve();

/** Says what has to be done while the server still knows who did it. */
export function beforeSignOut(work: () => Promise<unknown>): void {
  parting = work;
}

export async function signOut(): Promise<void> {
  await Promise.race([parting(), new Promise((late) => setTimeout(late, PARTING_MS))]).catch(() => {});
  if (session.kind !== 'in') return;
  const { token } = session;
  tab.removeItem(KEY);
  if (token) return set({ kind: 'out', why: 'left' });
  const answer = await fetch('/session', { method: 'DELETE', headers: credentials() }).catch(() => undefined);
  const told = (await answer?.json().catch(() => undefined)) as { logout_url?: string | null } | undefined;
  if (told?.logout_url) location.assign(told.logout_url);
  else set({ kind: 'out', why: 'left' });
}

/** Called whenever somebody comes or goes, in the order in which it was asked for. */
export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export const isOut = (): boolean => session.kind === 'out';

export const useSession = (): Session => useSyncExternalStore(onSession, () => session);
