// Messages on their way: one after another, kept over pages until the server has them. Each has an id of ours, so that
// sending it again does not double it.

import { type Connection, Refused } from './connection.ts';
import type { Content, Outgoing } from './types.ts';

/** Messages that wait at most; more are refused at once. */
const WAITING_MAX = 50;

export class Outbox {
  #waiting: Outgoing[] = [];
  /** Until there is a session, nothing can go out. */
  #running = true;
  #halted = false;
  /** The conversation that our first message has made, for those written meanwhile. */
  #made: string | null = null;

  constructor(
    private readonly connection: Connection,
    /** Keeps them over pages; null for none. */
    private readonly keep: (waiting: Outgoing[] | null) => unknown,
    private readonly on: {
      sending(message: Outgoing): void;
      sent(content: Content): void;
      failed(message: Outgoing): void;
      online(online: boolean): void;
      ended(error: string): void;
    },
  ) {}

  /** Begins to send; first what an earlier page could not, which may hold anything. */
  begin(kept: unknown): void {
    const written = this.#waiting.splice(0);
    for (const message of [...(Array.isArray(kept) ? kept : []), ...written]) {
      if (typeof message?.client_id === 'string' && typeof message.body === 'string') this.push(message);
    }
    this.#halted = this.#running = false;
    void this.#run();
  }

  /** Sends nothing more until it begins again; what waits is kept. */
  halt(): void {
    this.#halted = true;
  }

  push(written: Outgoing): void {
    const message = this.#placed(written);
    this.#waiting = this.#waiting.filter(({ client_id }) => client_id !== message.client_id);
    if (this.#waiting.length >= WAITING_MAX) {
      this.on.failed(message);
      return;
    }
    this.#waiting.push(message);
    this.on.sending(message);
    this.#keep();
    void this.#run();
  }

  /** A new conversation is begun: what comes next does not belong to the one before. */
  newThread(): void {
    this.#made = null;
  }

  /** What was written before the conversation had its id belongs to it. */
  #placed(message: Outgoing): Outgoing {
    return { ...message, thread_id: message.thread_id ?? this.#made };
  }

  #keep(): void {
    this.keep(this.#waiting.length ? this.#waiting : null);
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let attempt = 0; this.#waiting.length && !this.#halted; ) {
      const waited = this.#waiting[0]!;
      const message = this.#placed(waited);
      try {
        const content = await this.connection.send(message);
        attempt = 0;
        if (waited.thread_id === null) this.#made = content.thread_id;
        this.#drop(message);
        this.on.online(true);
        this.on.sent(content);
      } catch (error) {
        const refused = error instanceof Refused ? error : undefined;
        if (refused?.status === 401) {
          this.on.ended(refused.error);
          break;
        }
        if (refused && refused.status !== 429 && refused.status < 500) {
          this.#drop(message);
          this.on.failed(message);
          continue;
        }
        if (!refused) this.on.online(false);
        await this.connection.pause(attempt++, refused?.after);
      }
    }
    this.#running = false;
  }

  #drop(message: Outgoing): void {
    this.#waiting = this.#waiting.filter(({ client_id }) => client_id !== message.client_id);
    this.#keep();
  }
}
