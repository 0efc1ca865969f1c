// What the server hands to the loader, and what manager and window tell each other. Published in
// docs/integrator/web-messaging-protocol.md.

import type { CustomVariable, Trigger } from './targeting/types.ts';

export interface Item {
  id: string;
  label: string;
  type: 'button' | 'invitation';
  /** Where a button is: in the corner, or in the page's element with the id `dimelo_chat_item_markup_{id}`. */
  position?: 'floating' | 'fixed';
  html: string;
  css?: string | null;
  /** Has something to show while no agent is there. */
  offline?: boolean;
}

export type Translations = { [locale: string]: Texts };
export type Texts = { [key: string]: string | string[] | Texts };

export interface Config {
  token: string;
  active: boolean;
  mode: 'messaging' | 'chat';
  variables?: CustomVariable[];
  triggers?: Trigger[];
  items?: Item[];
  /** Addresses, relative to that of the loader. */
  assets: { manager: string; launcher: string; debug: string; window: string };
}

export interface Identity {
  screenname?: string;
  avatar_url?: string;
  firstname?: string;
  lastname?: string;
  company?: string;
  email?: string;
  uuid?: string;
  extra_values?: Record<string, unknown>;
}

export interface AddedMessage {
  body: string;
  agent: boolean;
  engage: boolean;
}

/** What the window has to know to start. */
export interface Start {
  token: string;
  mode: 'messaging' | 'chat';
  embedded: boolean;
  opened: boolean;
  /** The visitor has engaged before: the window continues. */
  engaged: boolean;
  /** That of the trigger from which the chat was launched. */
  locale: string | null;
  /** What the page says of itself: `<html lang>`. */
  page_language: string;
  /** `ltr` or `rtl`, as the page is written. */
  direction: string;
  /** Texts of the page, later ones over earlier ones, all over those of the source. */
  translations: Translations[];
  identity: Identity | null;
  jwt: string | null;
  session: string | null;
  /** What an earlier page could not send, and what was written there. */
  waiting: string | null;
  /** The visitor wants to be told of answers while they look elsewhere. */
  notify: boolean;
  /** The trigger from which a conversation starts; null for a built-in one. */
  trigger_id: string | null;
  page: { url: string; title: string };
  custom: Record<string, unknown>;
}

/** From the manager to the window. */
export type ToWindow =
  | ({ type: 'start' } & Start)
  | { type: 'open' }
  | { type: 'minimise' }
  /** The keyboard is given to it, as it asked. */
  | { type: 'focus' }
  /** What became of the wish to be told of answers. */
  | { type: 'notify'; on: boolean }
  | { type: 'identity'; identity: Identity | null; jwt: string | null }
  | { type: 'translations'; translations: Translations }
  | { type: 'automatic_message'; body: string }
  | ({ type: 'add_message' } & AddedMessage)
  | { type: 'page'; page: Start['page']; custom: Record<string, unknown> };

/** From the window to the manager. */
export type FromWindow =
  /** It can be seen; with what it is called, for those who hear it. */
  | { type: 'ready'; title: string }
  | { type: 'opened' }
  | { type: 'minimised' }
  /** Its field can be written in: it asks for the keyboard. */
  | { type: 'focus' }
  | { type: 'engaged' }
  | { type: 'message_sent' }
  /** With what a notification says of it. */
  | { type: 'message_received'; from: string; body: string }
  /** The visitor wants to be told of answers while they look elsewhere, or not any more. */
  | { type: 'notify'; on: boolean }
  | { type: 'closed' }
  | { type: 'session'; session: string | null }
  /** What waits or is half written, to be kept over pages: browsers keep little for a frame of another site. */
  | { type: 'keep'; waiting: string | null };
