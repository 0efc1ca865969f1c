// The live stream: what happens, as it happens, without a gap. It resumes after the last place it heard of; when too much
// was missed, it says so, and whoever shows something fetches it afresh.

import type { Told } from './types.ts';
import { Refusal, request } from './client.ts';

/** The server says something every 15 seconds; a connection that is silent for longer is none. */
const SILENCE_MS_MAX = 40_000;
const PAUSE_MS_FIRST = 500;
const PAUSE_MS_MAX = 15_000;

export type Connection = 'connecting' | 'live' | 'lost';

export interface Listener {
  told(event: Told): void;
  /** Something may have been missed. */
  missed(): void;
  connection(state: Connection): void;
}

export class Stream {
  #after: number | undefined;
  #abort = new AbortController();
  #stopped = false;
  #pause = PAUSE_MS_FIRST;
  #wake: (() => void) | undefined;
  #heard = 0;

  constructor(private readonly listener: Listener) {
    this.#run();
    addEventListener('online', this.#hurry);
    document.addEventListener('visibilitychange', this.#look);
  }

  stop(): void {
    this.#stopped = true;
    this.#abort.abort();
    this.#wake?.();
    removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#look);
  }

  /** The network is back: no reason to wait. */
  #hurry = (): void => {
    this.#pause = PAUSE_MS_FIRST;
    this.#wake?.();
  };

  /** After a sleep the connection looks open and is not. */
  #look = (): void => {
    if (document.hidden) return;
    if (Date.now() - this.#heard > SILENCE_MS_MAX) this.#abort.abort();
    this.#hurry();
  };

  async #run(): Promise<void> {
    this.listener.connection('connecting');
    while (!this.#stopped) {
      this.#abort = new AbortController();
      const watch = setInterval(() => {
        if (Date.now() - this.#heard > SILENCE_MS_MAX) this.#abort.abort();
      }, 5_000);
      this.#heard = Date.now();
      try {
        await this.#listen(this.#abort.signal);
      } catch (trouble) {
        // Another server than before, or one that was restored: what is shown is fetched afresh.
        if (trouble instanceof Refusal && trouble.status === 422) {
          this.#after = undefined;
          this.listener.missed();
        }
      } finally {
        clearInterval(watch);
      }
      if (this.#stopped) return;
      this.listener.connection('lost');
      const pause = this.#pause * (0.5 + Math.random());
      this.#pause = Math.min(this.#pause * 2, PAUSE_MS_MAX);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, pause);
        this.#wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const answer = await request(`/1.0/stream${this.#after === undefined ? '' : `?after=${this.#after}`}`, { signal });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (!reader) return;
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#heard = Date.now();
      text += value;
      const messages = text.split('\n\n');
      text = messages.pop() ?? '';
      for (const message of messages) {
        const data = /^data: ?(.*)$/m.exec(message)?.[1];
        if (data) this.#take(JSON.parse(data) as Told);
      }
    }
  }

  #take(told: Told): void {
    this.#pause = PAUSE_MS_FIRST;
    const isFirst = this.#after === undefined;
    if (typeof told.seq === 'number') this.#after = told.seq;
    if (told.type === 'heartbeat') {
      this.listener.connection('live');
      if (isFirst) this.listener.missed();
    } else if (told.type === 'resync') this.listener.missed();
    else if (told.type !== 'end') this.listener.told(told);
  }
}
