// A visitor's conversations, as an app shows them: what is known, kept up to date by the stream, and what they do.

import { Connection, Refused } from '../widget/chat/connection.ts';
import { begin, failed, fetched, sending, sorted, type State, told } from '../widget/chat/model.ts';
import { Outbox } from '../widget/chat/outbox.ts';
import type { Attachment, Outgoing, Session, Told } from '../widget/chat/types.ts';
import type { Identity } from '../widget/protocol.ts';
import { inMemory, type Storage } from './storage.ts';

export interface Options {
  /** The server, such as `https://desk.example`. */
  url: string;
  /** The source's token. */
  token: string;
  /** Without one, an anonymous person begins anew with every start, and messages that wait are lost with the app. */
  storage?: Storage;
  /** Language of what the person sees. */
  locale?: string;
  /** Who they are, where the community takes unsigned words for it. */
  identity?: Identity;
  /** A new signed identity, from the app's own server: asked for at the start, and before each one ends. */
  jwt?: () => Promise<string>;
  /** An app with one conversation: messages join the last one while that is open and recent enough. */
  singleThread?: boolean;
}

export interface Device {
  platform: 'fcm' | 'apns' | 'huawei';
  push_token: string;
  locale?: string;
}

/** A file as React Native names it. */
export interface NativeFile {
  uri: string;
  name: string;
  type: string;
}

type Begun = Session & { expires_at: string | null };

/** A signed identity is renewed so long before its end. */
const AHEAD_MS = 60_000;
/** That somebody types is said at most so often. */
const TYPING_MS = 3_000;

export class Messaging {
  /** What is known. A new object whenever something has changed. */
  state: State = begin(true);
  /** Whether the person looks at the app: what is shown counts as read. */
  active = true;
  /** Who they are, once begun. */
  identity: Session['identity'] | undefined;
  #connection: Connection;
  #outbox: Outbox;
  #storage: Storage;
  #listeners = new Set<(state: State) => void>();
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #typed = 0;
  #stopped = false;
  /** What is written to the storage, one after another. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: Options) {
    this.#connection = new Connection(`${options.url.replace(/\/$/, '')}/chat/${options.token}/`);
    this.#storage = options.storage ?? inMemory();
    this.#outbox = this.#newOutbox();
  }

  /** Calls back whenever something has changed; answers how to stop that. */
  subscribe(listener: (state: State) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins, or goes on where an earlier start was, and follows what happens. Resolves once it is known who they are. */
  async start(): Promise<void> {
    this.#stopped = false;
    const kept = await this.#kept<string>('session');
    await this.#begin(kept);
    if (this.#stopped || this.state.ended) return;
    const waiting = await this.#kept<{ who: string; waiting: unknown }>('waiting');
    // What somebody else had written on this phone is not theirs to send.
    this.#outbox.begin(waiting?.who === this.identity?.uuid ? waiting?.waiting : null);
    void this.#follow();
  }

  /** The app is on the screen again: nothing waits any longer. */
  wake(): void {
    this.active = true;
    this.#connection.hurry();
    this.#read();
  }

  /** The app goes to the background: push tells the person from now on. */
  sleep(): void {
    this.active = false;
  }

  /** Hears and sends nothing more until it starts again; what waits is kept. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#renewal);
    this.#outbox.halt();
    this.#connection.stop();
  }

  /** The person signs out: the session ends, this device is told of nothing more, and nothing of them stays. */
  async signOut(): Promise<void> {
    this.stop();
    await this.#connection.ask('DELETE', 'session').catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
    });
    this.#connection.session = null;
    this.#keep('session', null);
    this.#keep('waiting', null);
    await this.#writing;
    this.identity = undefined;
    this.#outbox = this.#newOutbox();
    this.#set(begin(true));
  }

  /** To a conversation, to a new one (null), or to the list (undefined). */
  async show(shown: string | null | undefined): Promise<void> {
    if (shown === null) this.#outbox.newThread();
    this.#set({ ...this.state, shown });
    await this.#load();
  }

  /** Fetches what was said earlier in the conversation that is shown. */
  async earlier(): Promise<void> {
    const { shown, lines } = this.state;
    const first = shown && lines[shown]?.find((line) => !line.state);
    if (!shown || !first) return;
    const { contents, more } = await this.#connection.contents(shown, first.id);
    this.#set(fetched(this.state, shown, contents, more));
  }

  /** Writes into the conversation that is shown. It is sent as soon as there is a way, also after a restart. */
  write(body: string, more: Partial<Outgoing> = {}): string {
    const message = this.#message(body.trim(), more);
    this.#outbox.push(message);
    return message.client_id;
  }

  /** Tries again to send a message that could not be sent. */
  retry(clientId: string): void {
    const message = failed(this.state, clientId);
    if (message) this.#outbox.push(message);
  }

  /** Picks an item of a structured message. */
  choose(contentId: string, item: { title: string; payload?: string | null }): string {
    return this.write(item.title, { structured_reply: { content_id: contentId, payload: item.payload ?? '' } });
  }

  /** Sends a file; says how far it is, 0 to 1. */
  async attach(file: Blob | File | NativeFile, name: string, progress: (part: number) => void = () => {}): Promise<string> {
    const message = this.#message(name);
    const attachment = await this.#upload(file, name, message.client_id, progress);
    this.#outbox.push({ ...message, attachment_ids: [attachment.id] });
    return message.client_id;
  }

  /** The person types in the conversation that is shown. Call it with every letter. */
  typing(): void {
    const { shown } = this.state;
    if (!shown || Date.now() - this.#typed < TYPING_MS) return;
    this.#typed = Date.now();
    void this.#connection.typing(shown, true).catch(() => {});
  }

  /** Has this device told of answers while the app is away: at every start, and when the push service gives a new token. */
  register(id: string, device: Device): Promise<void> {
    const { locale } = this.options;
    return this.#connection.ask('PUT', `devices/${id}`, { ...(locale && { locale }), ...device });
  }

  /** Has it told of nothing more. */
  unregister(id: string): Promise<void> {
    return this.#connection.ask('DELETE', `devices/${id}`);
  }

  /** Completes what is known of the person. */
  async identify(identity: Identity): Promise<void> {
    await this.#connection.identify({ identity });
  }

  // Within.

  #newOutbox(): Outbox {
    const now = () => new Date().toISOString();
    return new Outbox(this.#connection, (waiting) => this.#keep('waiting', waiting && { who: this.identity?.uuid, waiting }), {
      sending: (message) => this.#set(sending(this.state, message, now())),
      sent: (content) => this.#set(told(this.state, { type: 'content', seq: 0, content }, Date.now())),
      failed: (message) => this.#set(sending(this.state, message, now(), true)),
      online: (online) => this.#online(online),
      ended: (error) => void this.#ended(error),
    });
  }

  async #begin(session: string | null): Promise<void> {
    const { identity, locale, jwt } = this.options;
    for (let attempt = 0; !this.#stopped; ) {
      try {
        const parameters = { session, identity: jwt ? null : (identity ?? null), jwt: jwt ? await jwt() : null, locale: locale ?? null };
        const begun = (await this.#connection.begin(parameters)) as Begun;
        this.#connection.session = begun.session;
        this.identity = begun.identity;
        // A signed person's session stands for them alone: the app's server says at the next start who it is.
        this.#keep('session', begun.identity.signed ? null : begun.session);
        this.#renewAt(begun.expires_at);
        const { shown } = this.state;
        this.#set({ ...this.state, threads: sorted(begun.threads), seq: begun.seq, online: true, ended: undefined, shown: shown ?? undefined });
        return;
      } catch (error) {
        if (error instanceof Refused && error.status !== 429 && error.status < 500) {
          this.#set({ ...this.state, ended: error.error });
          return;
        }
        this.#online(false);
        await this.#connection.pause(attempt++, error instanceof Refused ? error.after : 0);
      }
    }
  }

  async #follow(): Promise<void> {
    await this.#connection.follow(
      () => this.state.seq,
      (event) => this.#hear(event),
      (online) => this.#online(online),
    );
  }

  #hear(event: Told): void {
    if (event.type === 'end') {
      void this.#ended(event.error);
      return;
    }
    this.#set(told(this.state, event, Date.now()));
    if (event.type === 'content' && event.content.from !== 'visitor') this.#read();
    if (event.type === 'resync') void this.#load(true);
    // A hint is over by itself.
    if (event.type === 'typing') setTimeout(() => this.#set({ ...this.state }), 6100);
  }

  /** The session has ended: a signed person goes on with a new signature, an anonymous one cannot. */
  async #ended(error: string): Promise<void> {
    if (this.#stopped || !this.options.jwt || this.state.ended) {
      this.#set({ ...this.state, ended: error });
      return;
    }
    this.#connection.stop();
    await this.#begin(null);
    if (this.#stopped || this.state.ended) return;
    this.#outbox.begin(null);
    await this.#load(true);
    void this.#follow();
  }

  #renewAt(expires: string | null): void {
    clearTimeout(this.#renewal);
    const { jwt } = this.options;
    if (!jwt || !expires) return;
    const renew = async () => {
      try {
        const token = await jwt();
        await this.#connection.identify({ jwt: token });
        this.#renewAt(ends(token));
      } catch {
        // The stream says when it is over; then a session is begun anew.
      }
    };
    const wait = Date.parse(expires) - Date.now() - AHEAD_MS;
    this.#renewal = setTimeout(() => void renew(), Math.min(Math.max(wait, 1_000), 2_000_000_000));
  }

  async #load(afresh = false): Promise<void> {
    try {
      if (afresh) this.#set({ ...this.state, threads: sorted((await this.#connection.threads()).threads) });
      const { shown } = this.state;
      if (!shown || (this.state.more[shown] !== undefined && !afresh)) {
        this.#read();
        return;
      }
      const { contents, more } = await this.#connection.contents(shown);
      this.#set(fetched(this.state, shown, contents, more));
      this.#read();
    } catch {
      // It is tried again when the stream is back, or when the conversation is shown again.
    }
  }

  #read(): void {
    const { shown, lines, threads } = this.state;
    if (!shown || !this.active) return;
    const last = lines[shown]?.findLast((line) => !line.state && line.from === 'agent');
    if (!last || !threads.find(({ id }) => id === shown)?.unread) return;
    this.#set(told(this.state, { type: 'read', seq: 0, thread_id: shown, content_id: last.id, from: 'visitor' }, Date.now()));
    void this.#connection.read(shown, last.id).catch(() => {});
  }

  #message(body: string, more: Partial<Outgoing> = {}): Outgoing {
    const thread_id = this.state.shown ?? null;
    const single = this.options.singleThread && !thread_id ? { single_thread: true } : {};
    return { client_id: unguessable(), thread_id, body, ...single, ...more };
  }

  #upload(file: Blob | File | NativeFile, name: string, clientId: string, progress: (part: number) => void): Promise<Attachment> {
    // React Native takes its own kind of file into a form.
    return this.#connection.upload(file as Blob, clientId, progress, name);
  }

  #online(online: boolean): void {
    if (online !== this.state.online) this.#set({ ...this.state, online });
  }

  #set(state: State): void {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  async #kept<T>(name: string): Promise<T | null> {
    try {
      return JSON.parse((await this.#storage.getItem(this.#name(name))) ?? 'null') as T | null;
    } catch {
      return null;
    }
  }

  #keep(name: string, value: unknown): void {
    const write = () => (value === null ? this.#storage.removeItem(this.#name(name)) : this.#storage.setItem(this.#name(name), JSON.stringify(value)));
    this.#writing = this.#writing.then(write).catch(() => {});
  }

  #name = (name: string): string => `frontdesk:${this.options.token}:${name}`;
}

/** When a token ends, as it says itself; null when it cannot be read. */
function ends(jwt: string): string | null {
  try {
    const { exp } = JSON.parse(atob(jwt.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')));
    return new Date(exp * 1000).toISOString();
  } catch {
    return null;
  }
}

/** A name for a message that nobody else gives. */
function unguessable(): string {
  const bytes = new Uint8Array(12);
  if (typeof globalThis.crypto?.getRandomValues === 'function') crypto.getRandomValues(bytes);
  // Not every app has it; then it is enough that no two are alike.
  else bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
