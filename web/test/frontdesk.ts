// The real server for tests: the program that was built, with a folder of its own that goes away again, and who works there.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const PROGRAM = process.env.FRONTDESK_BIN ?? fileURLToPath(new URL('../../target/debug/frontdesk', import.meta.url));

/** Settings of the developer's own server are none of this one. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FRONTDESK_')));

type Json = Record<string, any>;

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: Json,
  ) {
    super(`${status} ${JSON.stringify(body)}`);
  }
}

const freePort = (): Promise<number> =>
  new Promise((done, failed) => {
    const server = createServer().on('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done((address as { port: number }).port));
    });
  });

export class Frontdesk {
  token = '';
  /** Of admin@frontdesk.local. */
  password = '';
  /** Its log, of which the beginning is kept. */
  said = '';
  #process: ChildProcess | undefined;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly flags: string[],
  ) {}

  static async start(...flags: string[]): Promise<Frontdesk> {
    const folder = await mkdtemp(join(tmpdir(), 'frontdesk-web-'));
    const desk = new Frontdesk(folder, await freePort(), flags);
    await desk.again();
    return desk;
  }

  /** Its own site, as browsers see it. */
  get url(): string {
    return `http://desk.localhost:${this.port}`;
  }

  /** Starts it, on the same folder and port as before. */
  async again(): Promise<void> {
    const settings = ['--rate-limit', '0', '--data', join(this.folder, 'data'), '--listen', `127.0.0.1:${this.port}`, '--public-url', this.url];
    const child = spawn(PROGRAM, ['serve', ...settings, ...this.flags], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    const out = createInterface({ input: child.stdout });
    out.on('line', (line) => {
      const shown = /Access token\s+(\w+)/.exec(line);
      if (shown) this.token = shown[1]!;
      const password = /Password\s+(\S+)/.exec(line);
      if (password) this.password = password[1]!;
    });
    await new Promise<void>((done, failed) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (this.said.length < 100_000) this.said += `${line}\n`;
        if (line.includes('"message":"serving"')) done();
      });
      child.on('error', (trouble) => failed(new Error(`${PROGRAM}: ${trouble.message}; build it with cargo build -p frontdesk`)));
      child.on('exit', () => failed(new Error(`the server ended:\n${this.said}`)));
    });
    // What is shown once stands on the other pipe, and may come a moment later.
    for (let tries = 0; !this.token && tries < 100; tries++) await new Promise((next) => setTimeout(next, 20));
  }

  /** As a power cut. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Asks the REST API, as the administrator unless another token is given. */
  async ask(method: string, path: string, body?: unknown, token = this.token): Promise<Json> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/1.0${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    const told = text ? (JSON.parse(text) as Json) : {};
    if (!answer.ok) throw new Refusal(answer.status, told);
    return told;
  }

  get = (path: string) => this.ask('GET', path);
  post = (path: string, body: unknown) => this.ask('POST', path, body);
  put = (path: string, body: unknown) => this.ask('PUT', path, body);

  /** The community's key for signed identities, and whether these are wanted. */
  async signs(source: Source, key: string, mode = 'require'): Promise<void> {
    await this.post(`/communities/${source.community_id}/jwt_keys`, { key_id: 'shop', algorithm: 'HS256', key });
    await this.put(`/communities/${source.community_id}/signed_identities`, { mode });
  }

  /** A source that visitors meet: `mobile_messaging`, or `chat` for Live Chat. */
  async source(type: 'mobile_messaging' | 'chat', settings: Json = {}): Promise<Source> {
    const community = await this.post('/communities', { type: 'mobile_messaging', name: 'Visitors' });
    const made = await this.post('/content_sources', { type, name: 'Purple Shop', community_id: community.id });
    await this.put(`/content_sources/${made.id}/messaging`, settings);
    return { id: made.id, token: made.widget_token, community_id: community.id };
  }

  /** Somebody who answers at a source, with a token of their own. */
  async agent(source: Source, firstname = 'Alicia', lastname = 'Agent'): Promise<Agent> {
    const me = await this.get('/users/me');
    const email = `${firstname.toLowerCase()}@desk.example`;
    const user = await this.post('/users', { email, firstname, lastname, role_id: me.role_id, no_password: true });
    await this.put(`/users/${user.id}/sources_permissions`, { [source.id]: 'read,reply,initiate_discussion' });
    const { token } = await this.post('/access_tokens', { label: 'test', user_id: user.id });
    return new Agent(this, source, token);
  }
}

export interface Source {
  id: string;
  token: string;
  community_id: string;
}

export class Agent {
  constructor(
    private readonly desk: Frontdesk,
    private readonly source: Source,
    private readonly token: string,
  ) {}

  ask = (method: string, path: string, body?: unknown) => this.desk.ask(method, path, body, this.token);

  /** All contents of the source, the oldest first. */
  async contents(): Promise<Json[]> {
    const q = encodeURIComponent(`source:${this.source.id} order:created_at.asc`);
    return (await this.ask('GET', `/contents?limit=150&q=${q}`)).records;
  }

  /** Their texts, with a mark before those of the desk. */
  async bodies(): Promise<string[]> {
    return (await this.contents()).map(({ body, creator_id }) => (creator_id ? `> ${body}` : body));
  }

  /** The content with this text, once it is there. */
  async finds(body: string): Promise<Json> {
    for (let tries = 0; tries < 500; tries++) {
      const found = (await this.contents()).find((content) => content.body === body);
      if (found) return found;
      await new Promise((next) => setTimeout(next, 30));
    }
    throw new Error(`nobody wrote ${body}: ${await this.bodies()}`);
  }

  answers = (to: Json, body: string, more: Json = {}) => this.ask('POST', '/contents', { in_reply_to_id: to.id, body, ...more });
  /** Uploads a picture; its id can be named in a structured message. */
  async uploads(name: string, bytes: Uint8Array<ArrayBuffer>, type: string): Promise<string> {
    const form = new FormData();
    form.append('file', new Blob([bytes], { type }), name);
    form.append('public', 'true');
    const headers = { Authorization: `Bearer ${this.token}` };
    const answer = await fetch(`http://127.0.0.1:${this.desk.port}/1.0/attachments`, { method: 'POST', headers, body: form });
    const told = (await answer.json()) as Json;
    if (!answer.ok) throw new Refusal(answer.status, told);
    return told.id;
  }

  types = (thread: string, typing = true) => this.ask('POST', `/content_threads/${thread}/typing`, { typing });

  /** Hears what happens until `stop`. */
  async listens(): Promise<{ told: Json[]; stop: () => void }> {
    const abort = new AbortController();
    const told: Json[] = [];
    const address = `http://127.0.0.1:${this.desk.port}/1.0/stream`;
    const answer = await fetch(address, { headers: { Authorization: `Bearer ${this.token}` }, signal: abort.signal });
    if (!answer.ok || !answer.body) throw new Error(`the stream: ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const read = async () => {
      for (let text = ''; ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        const messages = (text + value).split('\n\n');
        text = messages.pop() ?? '';
        for (const message of messages) {
          const data = /^data: ?(.*)$/m.exec(message)?.[1];
          if (data) told.push(JSON.parse(data));
        }
      }
    };
    read().catch(() => {});
    return { told, stop: () => abort.abort() };
  }
}
