// What the manager and the launcher, which is loaded later, know of each other.

import type { Config, Identity, ToWindow, Translations } from '../protocol.ts';
import type { Store } from '../targeting/store.ts';
import type { Data, Events } from './events.ts';

/** From what the chat was launched, for the events and the conversation. */
export interface Origin {
  /** Null for a built-in trigger. */
  id: string | null;
  data: Data;
  /** An automatic message, shown when the window is. */
  message: string | null;
}

export interface Host {
  readonly config: Config;
  readonly base: string;
  readonly store: Store;
  readonly embedded: boolean;
  readonly identity: Identity | null;
  readonly jwt: string | null;
  readonly translations: Translations[];
  uuid(): string | null;
  isEngaged(): boolean;
  fire: Events['fire'];
  soon: () => void;
  closed(): void;
}

/** What the launcher is to the manager: the chat in its frame. */
export interface Shell {
  /** Whether it is in the page; a page may throw the element away that holds it. */
  readonly attached: boolean;
  /** Shows the chat; when it is shown already, only what is new happens. */
  show(origin: Origin, open: boolean, parent: HTMLElement | null): void;
  send(message: ToWindow): void;
  tellPage(): void;
  /** Takes the chat away. */
  close(): void;
  /** The same, because the visitor leaves, and tells the page. */
  leave(): void;
}
