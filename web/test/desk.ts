// Answers a window as the published protocol says, from memory. It stands for the server in these tests only.

import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Content, Settings, Thread, Told } from '../widget/chat/types.ts';
import { manifest, TOKEN } from './server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

export const settings = (more: Partial<Settings> = {}): Settings => ({
  token: TOKEN,
  mode: 'messaging',
  locale: 'en',
  translations: {},
  avatar_url: null,
  welcome_messages: ['Welcome! Ask us anything about your order.', 'We usually answer within a few minutes.'],
  attachments: { size_max: 10_485_759, extensions: ['png', 'jpg', 'pdf', 'txt'] },
  standalone: null,
  ...more,
});

export class Desk {
  threads: Thread[] = [];
  contents: Content[] = [];
  settings = settings();
  /** What was asked, with its body. */
  asked: { method: string; path: string; body: Record<string, unknown> }[] = [];
  refuse: { status: number; error: string } | undefined;
  /** Answers never arrive, though what was asked is done. */
  losesAnswers = false;
  streams = new Set<ServerResponse>();
  #events: Told[] = [];
  #seq = 100;
  #ids = 0;

  /** The origin of the server; files are at it. */
  origin = '';

  id = (): string => `${++this.#ids}`.padStart(24, '0');

  /** Tells something, and keeps it for whoever comes back. */
  tell(event: Told): void {
    const told = 'seq' in event ? { ...event, seq: ++this.#seq } : event;
    if ('seq' in told) this.#events.push(told);
    for (const stream of this.streams) stream.write(`data: ${JSON.stringify(told)}\n\n`);
  }

  add(content: Partial<Content> & { from: Content['from'] }, at = new Date()): Content {
    let thread = this.threads.find(({ id }) => id === content.thread_id);
    if (!thread) {
      thread = { id: content.thread_id ?? this.id(), opened: true, updated_at: '', text_input: true, unread: 0, last_content: null };
      this.threads.unshift(thread);
    }
    const made: Content = {
      id: this.id(),
      client_id: null,
      author: content.from === 'agent' ? { screenname: 'Alicia', avatar_url: null } : null,
      body: '',
      created_at: at.toISOString(),
      attachments: [],
      structured_content: null,
      ...content,
      thread_id: thread.id,
    };
    this.contents.push(made);
    thread.updated_at = made.created_at;
    thread.last_content = made;
    if (content.from === 'agent') thread.unread++;
    this.tell({ type: 'thread', seq: 0, thread: { ...thread } });
    this.tell({ type: 'content', seq: 0, content: made });
    return made;
  }

  /** Ends the streams, as a server that stops. */
  cut(): void {
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
  }

  answer = async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const url = new URL(request.url ?? '/', 'http://desk');
    const path = url.pathname.replace(`/chat/${TOKEN}/`, '');
    const { method = 'GET' } = request;
    if (path === 'window' || path === 'web') {
      const jwt = url.searchParams.get('jwt_identity');
      const custom = Object.fromEntries([...url.searchParams].filter(([name]) => name.startsWith('custom_')));
      const standalone = path === 'web' && jwt ? { jwt, custom } : null;
      const { chat } = await manifest();
      response.writeHead(200, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy':
          "default-src 'none'; script-src 'self'; connect-src 'self' ws:; img-src 'self' data: https:; frame-src http: https:; base-uri 'none'",
      });
      response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Chat</title>
<meta name="viewport" content="width=device-width,initial-scale=1,interactive-widget=resizes-content">
<script type="application/json" id="settings">${JSON.stringify({ ...this.settings, standalone }).replaceAll('<', '\\u003c')}</script>
<body><script src="/${chat}"></script>`);
      return true;
    }
    if (url.pathname.startsWith('/files/')) {
      const file = await readFile(`${root}test/files/${url.pathname.slice(7)}`);
      response.writeHead(200, { 'Content-Type': url.pathname.endsWith('svg') ? 'image/svg+xml' : 'image/png' }).end(file);
      return true;
    }
    if (!/^(session|threads|contents|attachments|page|email|stream)/.test(path)) return false;
    const json = (status: number, body: unknown): true => {
      if (this.losesAnswers && method === 'POST' && path === 'contents') {
        response.destroy();
        return true;
      }
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      return true;
    };
    if (path.startsWith('stream')) {
      // No sockets here: the window has to do without.
      if (request.headers.upgrade) {
        response.writeHead(400).end();
        return true;
      }
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const after = Number(url.searchParams.get('after'));
      response.write(`event: heartbeat\ndata: ${JSON.stringify({ type: 'heartbeat', seq: after })}\n\n`);
      for (const event of this.#events) {
        if ('seq' in event && event.seq > after) response.write(`data: ${JSON.stringify(event)}\n\n`);
      }
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      return true;
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const raw = Buffer.concat(parts).toString();
    const body = raw.startsWith('{') ? (JSON.parse(raw) as Record<string, unknown>) : {};
    this.asked.push({ method, path, body });
    if (this.refuse && method !== 'GET') return json(this.refuse.status, { ...this.refuse, message: this.refuse.error });
    if (path === 'session') {
      const identity = { id: 'visitor', uuid: 'visitor', screenname: 'Vera', signed: false, email: null };
      return json(201, { session: 'fds_1', expires_at: null, identity, threads: this.threads, seq: this.#seq });
    }
    if (path === 'threads') return json(200, { threads: this.threads, more: false });
    const [, thread, verb] = path.split('/');
    if (verb === 'contents') {
      const all = this.contents.filter(({ thread_id }) => thread_id === thread).reverse();
      const before = all.findIndex(({ id }) => id === url.searchParams.get('before'));
      const rest = all.slice(before + 1);
      return json(200, { contents: rest.slice(0, 30), more: rest.length > 30 });
    }
    if (path === 'attachments') {
      const name = /filename="([^"]+)"/.exec(raw)?.[1] ?? 'file';
      return json(201, { id: `file:${name}`, name, content_type: 'image/png', size: raw.length, url: `${this.origin}/files/wide.png` });
    }
    if (path === 'contents') {
      const before = this.contents.find(({ client_id }) => client_id === body.client_id);
      if (before) return json(200, before);
      const names = (body.attachment_ids as string[] | undefined) ?? [];
      const attachments = names.map((id) => ({ id, name: id.slice(5), content_type: 'image/png', size: 1, url: `${this.origin}/files/wide.png`, width: 300, height: 180 }));
      const made = this.add({
        from: (body.from as Content['from']) ?? 'visitor',
        client_id: String(body.client_id),
        body: String(body.body),
        attachments,
        ...(body.thread_id ? { thread_id: String(body.thread_id) } : {}),
      });
      return json(201, made);
    }
    if (verb === 'read') {
      const read = this.threads.find(({ id }) => id === thread);
      if (read) read.unread = 0;
    }
    if (verb === 'close') {
      const closed = this.threads.find(({ id }) => id === thread)!;
      closed.opened = false;
      this.tell({ type: 'thread', seq: 0, thread: { ...closed } });
    }
    response.writeHead(204).end();
    return true;
  };
}
