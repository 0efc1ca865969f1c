// The two questions that the manager asks the server, and only when it has to. Neither needs a preflight.

import type { Answer } from '../targeting/availability.ts';
import type { Config } from '../protocol.ts';

/** A server that takes longer is as good as silent. */
const PATIENCE_MS = 10_000;

async function ask<T>(address: URL, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(address, { ...init, credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return (await answer.json()) as T;
}

export class Server {
  constructor(
    private readonly config: Config,
    private readonly base: string,
  ) {}

  #address = (name: string): URL => new URL(`/chat/${this.config.token}/${name}`, this.base);

  /** The probabilities with which triggers are executed, from presence and occupancy of agents. */
  availability = (triggerIds: string[]): Promise<Answer> => {
    const address = this.#address('availability');
    address.searchParams.set('trigger_ids', triggerIds.join(','));
    return ask(address);
  };

  /** Whether a visitor whom the server may know has open conversations. */
  async openThreads(who: { session: string | null; jwt: string | null; uuid: string | null }): Promise<boolean> {
    const body = JSON.stringify(who);
    // Plain text, so that browsers send it without asking first.
    const headers = { 'Content-Type': 'text/plain' };
    const answer = await ask<{ open_threads: number }>(this.#address('status'), { method: 'POST', body, headers });
    return answer.open_threads > 0;
  }
}
