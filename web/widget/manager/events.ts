// The events that pages can listen to: `_onEvent`.

import type { Item } from '../protocol.ts';

export const EVENTS = [
  'button_shown',
  'chat_engaged',
  'chat_shown',
  'chat_closed',
  'invitation_shown',
  'item_shown',
  'message_received',
  'message_sent',
  'started',
  'trigger_activated',
  'trigger_executed',
] as const;

export type EventName = (typeof EVENTS)[number];
export type Mode = 'online' | 'offline';
export type Data = Record<string, string | boolean | null>;

/** Says something to whoever builds the page; the page itself goes on. */
export const complain = (...words: unknown[]): void => console.warn('Frontdesk:', ...words);

/** Runs what a page handed over; its mistakes are its own. */
export const guarded = (run: () => void): void => {
  try {
    run();
  } catch (error) {
    console.error('Frontdesk: a handler of this page failed.', error);
  }
};

export class Events {
  #handlers = new Map<string, ((data: Data) => void)[]>();

  listen(name: string, handler: (data: Data) => void): void {
    this.#handlers.set(name, [...(this.#handlers.get(name) ?? []), handler]);
  }

  fire(name: EventName, ...data: Data[]): void {
    // Each handler gets data of its own, so that none changes what another one sees.
    for (const handler of this.#handlers.get(name) ?? []) {
      guarded(() => handler(Object.assign({ event: name }, ...data)));
    }
  }
}

/** What events tell of a trigger. Built-in ones have no id. */
export const triggerData = (id: string | null, label: string, continuation: boolean): Data => ({
  trigger_id: id,
  trigger_label: label,
  trigger_human_id: id ? `${label} #${id}` : label,
  trigger_continuation: continuation,
});

export const itemData = ({ id, label, type }: Item): Data => ({
  item_id: id,
  item_label: label,
  item_human_id: `${label} #${id}`,
  item_type: type,
});
