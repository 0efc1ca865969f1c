// What must not happen twice, whatever the network does. Each request has a key; of one that nobody has answered the key is
// kept, so that the same one asked again, also after a reload, is the same one to the server.

import { isOut, onSession } from '../session.ts';
import { local } from '../storage.ts';
import { post, Refusal } from './client.ts';

const KEPT = 'frontdesk.asked.';
/** Milliseconds for which the server knows a key, less an hour. */
const KNOWN_MS = 23 * 60 * 60_000;

/** Those that are on their way: another request with the same words is one of its own. */
const asking = new Set<string>();

function keyOf(asked: string): string {
  let known: string | undefined;
  for (const name of local.keys().filter((one) => one.startsWith(KEPT))) {
    const kept = local.getItem(name) ?? '';
    const since = Number(kept.slice(0, kept.indexOf(' ')));
    if (!(Date.now() - since < KNOWN_MS)) local.removeItem(name);
    else if (kept.slice(kept.indexOf(' ') + 1) === asked && !asking.has(name)) known = name;
  }
  const name = known ?? KEPT + crypto.randomUUID();
  if (!known) local.setItem(name, `${Date.now()} ${asked}`);
  return name;
}

export async function postOnce<T>(path: string, body: unknown): Promise<T> {
  const name = keyOf(`${path} ${JSON.stringify(body)}`);
  asking.add(name);
  try {
    const made = await post<T>(path, body, name.slice(KEPT.length));
    local.removeItem(name);
    return made;
  } catch (trouble) {
    if (trouble instanceof Refusal) local.removeItem(name);
    throw trouble;
  } finally {
    asking.delete(name);
  }
}

onSession(() => {
  // The words are in it.
  if (isOut()) for (const name of local.keys()) if (name.startsWith(KEPT)) local.removeItem(name);
});
