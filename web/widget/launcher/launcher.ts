// The chat as the page sees it: its frame, what is told to the window, and what the window tells. Loaded when a chat is
// to be shown for the first time on a page.

import type { FromWindow, Start, ToWindow } from '../protocol.ts';
import type { Host, Origin, Shell } from '../manager/host.ts';
import { complain } from '../manager/events.ts';
import { Frame } from './frame.ts';
import { Notices } from './notices.ts';

/** A window that has not come by then will not; what led to it comes back. */
const PATIENCE_MS = 20_000;

/** Somebody who fills in a form of the page is not to find the rest of their words in a chat that opened meanwhile. */
const isWriting = (): boolean => {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement && (activeElement.isContentEditable || activeElement.matches('input,textarea,select'));
};

export class Launcher implements Shell {
  #frame: Frame | undefined;
  #origin: Origin | undefined;
  #notices: Notices;
  #late: ReturnType<typeof setTimeout> | undefined;
  /** The visitor has just done something when it was shown: it may be what they want to write in next. */
  #wanted = false;

  constructor(private readonly host: Host) {
    this.#notices = new Notices(`frontdesk.${host.config.token}.notify`);
  }

  get attached(): boolean {
    return !!this.#frame?.attached;
  }

  show(origin: Origin, open: boolean, parent: HTMLElement | null): void {
    const { store, config, base } = this.host;
    this.#wanted = !!navigator.userActivation?.isActive;
    if (!this.#frame?.attached) {
      this.#frame?.remove();
      this.#origin = origin;
      store.change(({ chat }) => Object.assign(chat, { shown: true, opened: open }));
      this.#frame = new Frame(new URL(config.assets.window, base).href, parent, this.#start, this.#heard);
      this.#frame.opened(open);
      this.#late = setTimeout(() => {
        complain('the window did not come.');
        this.close();
        this.host.closed();
      }, PATIENCE_MS);
    } else if (open && !store.state.chat.opened) {
      this.send({ type: 'open' });
    }
    // The same text is not shown twice in a visit.
    const body = origin.message;
    if (!body || store.state.visit.messages.includes(body)) return;
    store.change(({ visit }) => void visit.messages.push(body));
    this.send({ type: 'automatic_message', body });
  }

  send(message: ToWindow): void {
    this.#frame?.send(message);
  }

  tellPage(): void {
    this.send({ type: 'page', ...this.#page() });
  }

  close(): void {
    clearTimeout(this.#late);
    this.#frame?.remove();
    this.#frame = undefined;
    this.#origin = undefined;
    this.host.store.change(({ chat }) => Object.assign(chat, { engaged: false, shown: false, opened: false }));
  }

  leave(): void {
    this.close();
    this.host.closed();
    this.host.fire('chat_closed');
  }

  #start = (): Start => {
    const { config, store, embedded, identity, jwt, translations } = this.host;
    const { chat, session } = store.state;
    return {
      token: config.token,
      mode: config.mode,
      embedded,
      opened: chat.opened,
      engaged: this.host.isEngaged(),
      locale: chat.locale,
      page_language: document.documentElement.lang,
      direction: getComputedStyle(document.documentElement).direction,
      translations,
      identity,
      jwt,
      session,
      waiting: this.#kept(),
      notify: this.#notices.on,
      trigger_id: this.#origin?.id ?? null,
      ...this.#page(),
    };
  };

  get #key(): string {
    return `frontdesk.${this.host.config.token}.waiting`;
  }

  #kept(): string | null {
    try {
      return localStorage.getItem(this.#key);
    } catch {
      return null;
    }
  }

  #keep(waiting: string | null): void {
    try {
      if (waiting) localStorage.setItem(this.#key, waiting);
      else localStorage.removeItem(this.#key);
    } catch {
      // Blocked or full: they wait as long as the page.
    }
  }

  #page(): Pick<Start, 'page' | 'custom'> {
    const { page } = this.host.store;
    const custom = Object.entries(page?.values ?? {}).filter(([name]) => name.startsWith('custom_'));
    const { url, title } = page ?? { url: location.href, title: document.title };
    return { page: { url, title }, custom: Object.fromEntries(custom) };
  }

  #heard = (message: FromWindow): void => {
    const { store, jwt, fire } = this.host;
    const data = this.#origin?.data ?? {};
    switch (message.type) {
      case 'ready':
        clearTimeout(this.#late);
        fire('chat_shown', data);
        break;
      case 'opened':
      case 'minimised': {
        const opened = message.type === 'opened';
        store.change(({ chat, visit }) => {
          chat.opened = opened;
          if (!opened && !visit.executed.includes('minimised')) visit.executed.push('minimised');
        });
        this.#frame?.opened(opened);
        break;
      }
      case 'focus':
        if (this.#wanted && !isWriting()) this.send({ type: 'focus' });
        break;
      case 'engaged': {
        const uuid = this.host.uuid();
        store.change(({ chat }) => Object.assign(chat, { engaged: true, uuid, signed: jwt !== null }));
        fire('chat_engaged', data);
        break;
      }
      case 'message_received':
        this.#notices.tell(message.from, message.body, () => this.send({ type: 'open' }));
        fire('message_received', data);
        break;
      case 'message_sent':
        fire('message_sent', data);
        break;
      case 'notify':
        void this.#notices.want(message.on).then((on) => this.send({ type: 'notify', on }));
        break;
      case 'session':
        // That of a signed person lives as long as the page.
        store.change((state) => (state.session = jwt === null ? message.session : null));
        break;
      case 'keep':
        this.#keep(message.waiting);
        break;
      case 'closed':
        this.leave();
        break;
    }
    this.host.soon();
  };
}
