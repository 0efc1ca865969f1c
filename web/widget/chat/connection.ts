// The way to the server: commands over HTTP, and one stream of what happens, opened again whenever it ends. The window has it,
// and so do apps, which may have no document and no address of their own.

import type { Attachment, Content, Outgoing, Session, Thread, Told } from './types.ts';

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    /** Seconds after which to try again, when the server says so. */
    readonly after = 0,
    message = error,
  ) {
    super(message);
  }
}

/** Waits between attempts: ms, doubled each time, with chance in it so that not everybody comes back at once. */
const WAIT_MS = 1000;
const WAIT_MS_MAX = 30_000;
/** A stream that says nothing for this long is dead: three heartbeats. */
const SILENCE_MS = 45_000;

export class Connection {
  session: string | null = null;
  /** End the waits between attempts before their time. */
  #waits = new Set<() => void>();
  #stop: (() => void) | undefined;
  #stopped = false;

  /** Ends all waits between attempts: the network is back, or somebody looks. */
  hurry = (): void => this.#waits.forEach((end) => end());

  constructor(private readonly root: string) {
    const { document } = globalThis;
    globalThis.addEventListener?.('online', this.hurry);
    document?.addEventListener('visibilitychange', () => document.hidden || this.hurry());
  }

  async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.session) headers.Authorization = `Bearer ${this.session}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const answer = await fetch(this.root + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: 'omit',
    });
    if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
    const said = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, String(said.error ?? answer.status), Number(answer.headers.get('Retry-After')) || 0, said.message);
  }

  begin = (parameters: Record<string, unknown>) => this.ask<Session>('POST', 'session', parameters);
  identify = (parameters: Record<string, unknown>) => this.ask<void>('PUT', 'session', parameters);
  threads = () => this.ask<{ threads: Thread[]; more: boolean }>('GET', 'threads?limit=50');
  contents = (thread: string, before?: string) =>
    this.ask<{ contents: Content[]; more: boolean }>('GET', `threads/${thread}/contents?limit=30${before ? `&before=${before}` : ''}`);
  send = (message: Outgoing) => this.ask<Content>('POST', 'contents', message);
  read = (thread: string, content_id: string) => this.ask<void>('POST', `threads/${thread}/read`, { content_id });
  typing = (thread: string, typing: boolean) => this.ask<void>('POST', `threads/${thread}/typing`, { typing });
  close = (thread: string) => this.ask<void>('POST', `threads/${thread}/close`, {});
  page = (page: unknown, custom: unknown) => this.ask<void>('PUT', 'page', { page, custom });
  email = (email: string) => this.ask<void>('PUT', 'email', { email });

  /** Uploads a file; says how far it is, 0 to 1. */
  upload(file: Blob, client_id: string, progress: (part: number) => void, name?: string): Promise<Attachment> {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      const form = new FormData();
      form.append('client_id', client_id);
      // What names itself, as files do, is not named again: React Native's own kind of file could not be.
      if (name && file instanceof Blob) form.append('file', file, name);
      else form.append('file', file);
      request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
      request.onerror = () => failed(new TypeError('network'));
      request.onload = () => {
        let said: Record<string, unknown> = {};
        try {
          said = JSON.parse(request.responseText);
        } catch {
          // Not from our server: refused all the same.
        }
        if (request.status === 201 || request.status === 200) done(said as unknown as Attachment);
        else failed(new Refused(request.status, String(said.error ?? request.status)));
      };
      request.open('POST', `${this.root}attachments`);
      request.setRequestHeader('Authorization', `Bearer ${this.session}`);
      request.send(form);
    });
  }

  /** Waits before the next attempt; less when the network is back or the visitor looks. */
  pause(attempt: number, after = 0): Promise<void> {
    const wait = Math.min(WAIT_MS * 2 ** attempt, WAIT_MS_MAX) * (0.5 + Math.random() / 2);
    return new Promise((done) => {
      const end = () => {
        clearTimeout(timer);
        this.#waits.delete(end);
        done();
      };
      const timer = setTimeout(end, Math.max(wait, after * 1000));
      if (!after) this.#waits.add(end);
    });
  }

  /** Follows what happens after a place of the log, until it is told to stop or the server ends it. */
  async follow(place: () => number, told: (event: Told) => void, online: (online: boolean) => void): Promise<void> {
    this.#stopped = false;
    let plain = false;
    for (let attempt = 0; !this.#stopped; attempt++) {
      let worked = false;
      const heard = (event: Told) => {
        worked = true;
        attempt = 0;
        online(true);
        if (event.type === 'end') this.stop();
        told(event);
      };
      await (plain ? this.#events(place(), heard) : this.#socket(place(), heard)).catch(() => {});
      if (this.#stopped) break;
      // Where sockets do not get through, a plain answer that is read as it comes may.
      if (!worked) plain = !plain;
      // A stream that ended after it had worked is opened again at once, and once only.
      if (attempt) online(false);
      await this.pause(attempt);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#stop?.();
    this.hurry();
  }

  #socket(after: number, heard: (event: Told) => void): Promise<void> {
    const address = new URL(`${this.root}stream?after=${after}`, globalThis.location?.href).href.replace('http', 'ws');
    return new Promise((done) => {
      const socket = new WebSocket(address, ['frontdesk', `session.${this.session}`]);
      const end = () => {
        clearTimeout(silence);
        socket.close();
        done();
      };
      let silence = setTimeout(end, SILENCE_MS);
      this.#stop = end;
      socket.onclose = socket.onerror = end;
      socket.onmessage = ({ data }) => {
        clearTimeout(silence);
        silence = setTimeout(end, SILENCE_MS);
        heard(JSON.parse(data));
      };
    });
  }

  async #events(after: number, heard: (event: Told) => void): Promise<void> {
    const abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    this.#stop = () => abort.abort();
    const headers = { Authorization: `Bearer ${this.session}`, Accept: 'text/event-stream' };
    try {
      const answer = await fetch(`${this.root}stream?after=${after}`, { headers, signal: abort.signal, credentials: 'omit' });
      if (!answer.ok || !answer.body) {
        const said = await answer.json().catch(() => ({}));
        if (answer.status === 401) heard({ type: 'end', error: said.error ?? 'invalid_session' });
        return;
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        text += value;
        const messages = text.split('\n\n');
        text = messages.pop() ?? '';
        for (const message of messages) {
          const data = message.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5));
          if (data.length) heard(JSON.parse(data.join('\n')));
        }
      }
    } finally {
      clearTimeout(silence);
    }
  }
}
