// Whether the agent receives tasks, and whether they are away. The server forgets an agent of whom it hears nothing, so
// this says that they are there for as long as the page is.

import { useSyncExternalStore } from 'react';
import { get, post, put, Refusal } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import { client } from '../data.ts';
import { onSession } from '../session.ts';
import { tab } from '../storage.ts';

export interface Status {
  agent_id: Id;
  channels: { id: Id; name: string; status: 'available' | 'away' | null; busyness: string }[];
  custom_status: { id: Id } | null;
}

const KEY = 'frontdesk.receives';
const listeners = new Set<() => void>();
let status: Status | undefined;
let worker: Worker | undefined;

function set(to: Status | undefined): void {
  status = to;
  for (const listener of listeners) listener();
  void client.invalidateQueries({ queryKey: ['tasks'] });
}

export const useStatus = (): Status | undefined =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => status,
  );

async function beat(): Promise<void> {
  try {
    await post('/status/me/heartbeat');
  } catch (trouble) {
    // The server had given this agent up: they come again, and find everything as they had set it.
    if (trouble instanceof Refusal && trouble.status === 404) await connect().catch(() => {});
  }
}

/** From now on tasks may ring here. */
export async function connect(): Promise<void> {
  set(await post<Status>('/status/me/connect'));
  tab.setItem(KEY, 'yes');
  if (worker) return;
  worker = new Worker(new URL('./beat.ts', import.meta.url), { type: 'module' });
  worker.onmessage = () => void beat();
}

function forget(): void {
  worker?.terminate();
  worker = undefined;
  tab.removeItem(KEY);
  set(undefined);
}

export async function disconnect(): Promise<void> {
  await post('/status/me/disconnect');
  forget();
}

/** `away`, `available`, or the id of a reason to be away. */
export async function be(wanted: string): Promise<void> {
  if (!status) return;
  const simple = wanted === 'away' || wanted === 'available';
  const body = simple ? { status: Object.fromEntries(status.channels.filter((channel) => channel.status).map(({ id }) => [id, wanted])) } : { custom_status_id: wanted };
  set(await put<Status>(`/status/${status.agent_id}`, body));
}

/** What others did to it, such as a supervisor. */
export async function look(): Promise<void> {
  if (status) set(await get<Status>(`/status/${status.agent_id}`));
}

/** After a reload everything is as before. */
export const resume = (): void => {
  if (tab.getItem(KEY) && !status) connect().catch(forget);
};

onSession(() => {
  // Somebody else begins anew.
  if (worker) forget();
});

export const isAway = ({ channels, custom_status }: Status): boolean => !!custom_status || channels.every(({ status }) => status !== 'available');
