// The chat itself: what the visitor does and what happens become changes of the state that the view shows.

import { isRightToLeft, localeOf, Texts } from './texts.ts';
import { Connection, Refused } from './connection.ts';
import { begin, failed, fetched, forgotten, NEW, sending, sorted, type State, told } from './model.ts';
import { Outbox } from './outbox.ts';
import { chime } from './chime.ts';
import type { Outgoing, Settings, Told } from './types.ts';
import type { FromWindow, Start, ToWindow } from '../protocol.ts';
import type { WebviewHeight } from '../../ui/structured.ts';

/** A hint is told again while the visitor goes on typing, ms. */
const TYPING_MS = 3000;

export interface Upload {
  id: string;
  name: string;
  /** 0 to 1. */
  part: number;
  error?: string;
}

export class Chat {
  state: State;
  texts: Texts;
  uploads: Upload[] = [];
  /** Automatic messages of triggers, shown before the visitor has written. */
  greetings: string[] = [];
  /** Of these, how many came while the window was put away. */
  unseen = 0;
  emailDone = false;
  /** The visitor is told of answers while they look elsewhere. */
  notify: boolean;
  /** Live Chat: the conversation is over, and the visitor chooses what to do. */
  over = false;
  webview: { url: string; height: WebviewHeight } | undefined;
  /** The conversation that was begun in this window: what greeted the visitor stays above it. */
  begun: string | undefined;
  /** What is written and not sent, by conversation. */
  #drafts: Record<string, string> = {};
  /** What is on its way. */
  #waiting: Outgoing[] | null = null;
  #loading = false;
  readonly direction: 'ltr' | 'rtl';
  #connection: Connection;
  #outbox: Outbox;
  /** Who writes, once that is known. */
  #uuid = '';
  #translations: Record<string, unknown>[];
  #locale: string;
  #engaged: boolean;
  #typed = 0;
  #typingEnds: ReturnType<typeof setTimeout> | undefined;
  #pageAdded: Outgoing[] = [];

  constructor(
    readonly settings: Settings,
    private start: Start,
    readonly tell: (message: FromWindow) => void,
    private readonly changed: () => void,
  ) {
    this.state = begin(start.opened || start.embedded);
    this.#engaged = start.engaged;
    this.notify = start.notify;
    this.#translations = [settings.translations, ...start.translations];
    this.#locale = localeOf(start.locale, start.page_language, settings.locale, this.#translations);
    this.texts = new Texts(this.#locale, this.#translations);
    this.direction = isRightToLeft(this.#locale) || start.direction === 'rtl' ? 'rtl' : 'ltr';
    this.#connection = new Connection(`/chat/${settings.token}/`);
    const keep = (waiting: Outgoing[] | null) => {
      this.#waiting = waiting;
      this.#keep();
    };
    this.#outbox = new Outbox(this.#connection, keep, {
      sending: (message) => this.#set(sending(this.state, message, new Date().toISOString())),
      sent: (content) => {
        this.#hear({ type: 'content', seq: 0, content });
        if (!this.#engaged && content.from === 'visitor') {
          this.#engaged = true;
          this.tell({ type: 'engaged' });
          void this.#connection.page(this.start.page, this.start.custom).catch(() => {});
        }
        if (content.from === 'visitor') this.tell({ type: 'message_sent' });
      },
      failed: (message) => this.#set(sending(this.state, message, new Date().toISOString(), true)),
      online: (online) => this.#set({ ...this.state, online }),
      ended: (ended) => this.#set({ ...this.state, ended }),
    });
    document.addEventListener('visibilitychange', () => this.#read());
    // What is said to be a minute ago is two minutes ago soon.
    setInterval(() => this.state.opened && !document.hidden && this.changed(), 60_000);
    document.documentElement.lang = this.#locale;
    document.documentElement.dir = this.direction;
  }

  /** What is written in the conversation that is shown, and not sent. It is kept over pages. */
  get draft(): string {
    return this.#drafts[this.state.shown ?? NEW] ?? '';
  }

  set draft(text: string) {
    this.#drafts[this.state.shown ?? NEW] = text;
    this.#keep();
    this.changed();
  }

  get embedded(): boolean {
    return this.start.embedded;
  }

  /** Where the page has the window. */
  get corner(): 'left' | 'right' {
    return this.start.direction === 'rtl' ? 'left' : 'right';
  }

  /** In a frame of the site's own: nobody listens. */
  get standalone(): boolean {
    return !!this.settings.standalone;
  }

  get mode(): 'messaging' | 'chat' {
    return this.start.mode;
  }

  get title(): string {
    return this.texts.t('default_title');
  }

  /** Begins, or goes on with, the visitor's session. */
  async begin(): Promise<void> {
    this.tell({ type: 'ready', title: this.title });
    const { session, identity, jwt, trigger_id, page, custom } = this.start;
    for (let attempt = 0; ; attempt++) {
      try {
        const begun = await this.#connection.begin({ session, identity, jwt, trigger_id, page, custom, locale: this.#locale });
        this.#connection.session = begun.session;
        this.#uuid = begun.identity.uuid;
        this.emailDone = !!begun.identity.email;
        this.tell({ type: 'session', session: begun.session });
        const threads = sorted(begun.threads);
        // A Live Chat that has ended is looked back at until the visitor leaves.
        const open = threads.find((thread) => thread.opened) ?? (this.mode === 'chat' && this.#engaged ? threads[0] : undefined);
        this.over = !!open && !open.opened;
        this.#set({ ...this.state, threads, seq: begun.seq, shown: open?.id ?? null });
        break;
      } catch (error) {
        if (error instanceof Refused && error.status !== 429 && error.status < 500) {
          // Whoever builds the page is told what is wrong with what it says of its visitor.
          console.warn('Frontdesk:', error.message);
          this.#set({ ...this.state, ended: error.error });
          return;
        }
        this.#set({ ...this.state, online: false });
        await this.#connection.pause(attempt, error instanceof Refused ? error.after : 0);
      }
    }
    this.#set({ ...this.state, online: true });
    this.#resume();
    void this.#load();
    await this.#connection.follow(
      () => this.state.seq,
      (event) => this.#hear(event),
      (online) => {
        if (online !== this.state.online) this.#set({ ...this.state, online });
        // What could not be fetched before.
        if (online) void this.#load();
      },
    );
  }

  /** What the page says. */
  hear(message: ToWindow): void {
    switch (message.type) {
      case 'open':
        this.open();
        break;
      case 'minimise':
        this.minimise();
        break;
      case 'focus':
        document.querySelector<HTMLElement>('.composer textarea')?.focus();
        break;
      case 'notify':
        this.notify = message.on;
        this.changed();
        break;
      case 'identity': {
        const { identity, jwt } = message;
        this.start = { ...this.start, identity, jwt };
        // What could not go on may now: with a fresh signature, for example.
        if (this.state.ended) return location.reload();
        this.#connection.identify({ identity, jwt }).catch((error: unknown) => {
          // Somebody else: their own session, in a window of its own.
          if (!(error instanceof Refused)) return;
          if (error.error === 'other_identity') location.reload();
          else if (error.status === 401 || error.status === 403) this.#set({ ...this.state, ended: error.error });
        });
        break;
      }
      case 'translations':
        this.#translations.push(message.translations);
        this.texts = new Texts(this.#locale, this.#translations);
        this.changed();
        break;
      case 'automatic_message':
        this.greetings.push(message.body);
        if (!this.state.opened) this.unseen++;
        this.changed();
        this.tell({ type: 'message_received', from: this.title, body: message.body });
        break;
      case 'add_message': {
        const { body, agent, engage } = message;
        const added = this.#message(body, { from: agent ? 'agent' : 'visitor', automated: true });
        if (this.#engaged || (engage && !agent)) this.#release(added);
        else {
          this.#pageAdded.push(added);
          this.#set(sending(this.state, added, new Date().toISOString()));
        }
        break;
      }
      case 'page':
        this.start = { ...this.start, page: message.page, custom: message.custom };
        if (this.#engaged) void this.#connection.page(message.page, message.custom).catch(() => {});
        break;
    }
  }

  // What the visitor does.

  open(): void {
    this.unseen = 0;
    this.#set({ ...this.state, opened: true });
    this.tell({ type: 'opened' });
    this.#read();
  }

  minimise(): void {
    this.#set({ ...this.state, opened: false });
    this.tell({ type: 'minimised' });
  }

  /** To a conversation, to a new one (null), or to the list (undefined). */
  go(shown: string | null | undefined): void {
    if (shown === null) this.#outbox.newThread();
    this.#set({ ...this.state, shown });
    void this.#load();
  }

  /** Sends what is written. */
  write(): void {
    const text = this.draft.trim();
    if (!text) return;
    this.draft = '';
    clearTimeout(this.#typingEnds);
    this.#typed = 0;
    this.#release(this.#message(text));
  }

  retry(clientId: string): void {
    const message = failed(this.state, clientId);
    if (message) this.#release(message);
  }

  choose(contentId: string, item: { title: string; payload?: string | null }): void {
    const structured_reply = { content_id: contentId, payload: item.payload ?? '' };
    this.#release(this.#message(item.title, { structured_reply }));
  }

  /** Asks to be told of answers, or not to be. */
  wantNotices(): void {
    this.tell({ type: 'notify', on: !this.notify });
  }

  typing(): void {
    const thread = this.state.shown;
    if (!thread) return;
    const stop = () => {
      this.#typed = 0;
      void this.#connection.typing(thread, false).catch(() => {});
    };
    clearTimeout(this.#typingEnds);
    this.#typingEnds = setTimeout(stop, TYPING_MS);
    if (Date.now() - this.#typed < TYPING_MS) return;
    this.#typed = Date.now();
    void this.#connection.typing(thread, true).catch(() => {});
  }

  attach(files: Iterable<File>): void {
    for (const file of files) void this.#attach(file);
  }

  dismissUpload(id: string): void {
    this.uploads = this.uploads.filter((upload) => upload.id !== id);
    this.changed();
  }

  async earlier(): Promise<void> {
    const { shown, lines } = this.state;
    const first = shown && lines[shown]?.find((line) => !line.state);
    if (!shown || !first) return;
    const { contents, more } = await this.#connection.contents(shown, first.id);
    this.#set(fetched(this.state, shown, contents, more));
  }

  /** Leaves an address for answers: `ok`, or the end of the key of the text that says why not. */
  async email(address: string): Promise<'ok' | 'incorrect_email' | 'send_error'> {
    if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) return 'incorrect_email';
    try {
      await this.#connection.email(address);
    } catch (error) {
      return error instanceof Refused && error.status === 422 ? 'incorrect_email' : 'send_error';
    }
    this.emailDone = true;
    this.changed();
    return 'ok';
  }

  /** Live Chat: the visitor ends the conversation. */
  quit(): void {
    const { shown } = this.state;
    if (shown) void this.#connection.close(shown).catch(() => {});
    if (!shown) this.leave();
    else {
      this.over = true;
      this.changed();
    }
  }

  seeAgain(): void {
    this.over = false;
    this.changed();
  }

  /** Prints what was said; the conversation has to be seen for that. */
  print(): void {
    this.seeAgain();
    requestAnimationFrame(() => {
      print();
      this.over = true;
      this.changed();
    });
  }

  get page(): { url: string; title: string } {
    return this.start.page;
  }

  leave(): void {
    this.#connection.stop();
    this.tell({ type: 'closed' });
  }

  openWebview(url: string, height: WebviewHeight): void {
    this.webview = { url, height };
    this.changed();
  }

  closeWebview(): void {
    this.webview = undefined;
    this.changed();
  }

  // Within.

  /** What an earlier page could not send goes out now, if it is the same visitor. */
  #resume(): void {
    let kept: unknown;
    try {
      const { who, waiting, drafts } = JSON.parse(this.start.waiting ?? '{}') ?? {};
      if (who === this.#uuid) {
        kept = waiting;
        this.#drafts = { ...drafts, ...this.#drafts };
      }
    } catch {
      // Strange: nothing waits.
    }
    this.changed();
    this.#outbox.begin(kept);
  }

  #set(state: State): void {
    this.state = state;
    this.changed();
  }

  #message(body: string, more: Partial<Outgoing> = {}): Outgoing {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    const client_id = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return { client_id, thread_id: this.state.shown ?? null, body, trigger_id: this.start.trigger_id, ...more };
  }

  #release(message: Outgoing): void {
    // What the page had added goes first, with the message that engages.
    for (const added of this.#pageAdded.splice(0)) this.#outbox.push(added);
    this.#outbox.push(message);
  }

  async #attach(file: File): Promise<void> {
    const { t } = this.texts;
    const message = this.#message('');
    const upload: Upload = { id: message.client_id, name: file.name, part: 0 };
    const { size_max, extensions } = this.settings.attachments;
    this.uploads = [...this.uploads, upload];
    const extension = file.name.split('.').pop()?.toLowerCase() ?? '';
    if (file.size > size_max) upload.error = t('attachment_error.file_too_large', { max_size_mb: Math.floor(size_max / 1_000_000) });
    else if (!extensions.includes(extension) || !file.size) upload.error = t('attachment_error.file_type_not_allowed');
    this.changed();
    if (upload.error) return;
    for (let attempt = 0; this.uploads.includes(upload); attempt++) {
      try {
        const attachment = await this.#connection.upload(file, message.client_id, (part) => {
          upload.part = part;
          this.changed();
        });
        // Whoever has thought better of it meanwhile sends nothing.
        if (!this.uploads.includes(upload)) return;
        this.dismissUpload(upload.id);
        this.#release({ ...message, body: file.name, attachment_ids: [attachment.id] });
      } catch (error) {
        const { status, after } = error instanceof Refused ? error : { status: 0, after: 0 };
        if (status && status !== 429 && status < 500) {
          const key = { 413: 'file_too_large', 422: 'file_type_not_allowed' }[status] ?? 'unknown';
          upload.error = t(`attachment_error.${key}`, { max_size_mb: Math.floor(size_max / 1_000_000) });
          this.changed();
          return;
        }
        if (!status) this.#set({ ...this.state, online: false });
        await this.#connection.pause(attempt, after);
      }
    }
  }

  #hear(event: Told): void {
    const before = this.state;
    this.#set(told(before, event, Date.now()));
    const { shown } = this.state;
    if (before.shown === null && shown) {
      // The new conversation has a name; what was written meanwhile comes along.
      this.begun = shown;
      this.#drafts[shown] = this.#drafts[NEW] ?? '';
      delete this.#drafts[NEW];
      this.#keep();
    }
    if (event.type === 'content' && event.content.from === 'agent' && event.seq > before.seq) {
      const { author, body, structured_content, attachments } = event.content;
      const text = body || structured_content?.title || attachments[0]?.name || '';
      this.tell({ type: 'message_received', from: author?.screenname ?? this.title, body: text });
      if (this.notify && (document.hidden || !this.state.opened)) chime();
      this.#read();
    }
    if (event.type === 'content' && event.content.notice === 'impossible') this.over = true;
    if (event.type === 'thread' && this.mode === 'chat' && !event.thread.opened && event.thread.id === this.state.shown) this.over = true;
    if (event.type === 'identity') this.emailDone = !!event.identity.email;
    if (event.type === 'resync') void this.#load(true);
    if (event.type === 'typing') setTimeout(this.changed, 6100);
  }

  /** Fetches what is shown and not there yet. */
  async #load(afresh = false): Promise<void> {
    const needed = () => this.state.shown && (afresh || (this.state.more[this.state.shown] === undefined && this.begun !== this.state.shown));
    if (this.#loading || !(afresh || needed())) return;
    this.#loading = true;
    const before = this.state.shown;
    try {
      if (afresh) this.#set({ ...this.state, threads: sorted((await this.#connection.threads()).threads) });
      const { shown } = this.state;
      if (shown && needed()) {
        const { contents, more } = await this.#connection.contents(shown);
        this.#set(fetched(afresh ? forgotten(this.state) : this.state, shown, contents, more));
        this.#read();
      }
    } catch {
      // The stream comes back, or says why not; then it is tried again.
    }
    this.#loading = false;
    // Another conversation was opened meanwhile.
    if (this.state.shown !== before) void this.#load();
  }

  /** What is not sent yet, written or on its way, outlives the page. */
  #keep(): void {
    const drafts = Object.fromEntries(Object.entries(this.#drafts).filter(([, text]) => text));
    const [who, waiting] = [this.#uuid, this.#waiting];
    if (who) this.tell({ type: 'keep', waiting: waiting || Object.keys(drafts).length ? JSON.stringify({ who, waiting, drafts }) : null });
  }

  #read(): void {
    const { shown, opened, lines } = this.state;
    if (!shown || !opened || document.hidden) return;
    const last = lines[shown]?.findLast((line) => !line.state && line.from !== 'visitor');
    const thread = this.state.threads.find(({ id }) => id === shown);
    if (!last || !thread?.unread) return;
    this.#hear({ type: 'read', seq: 0, thread_id: shown, content_id: last.id, from: 'visitor' });
    void this.#connection.read(shown, last.id).catch(() => {});
  }
}
