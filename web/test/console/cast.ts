// Who plays in the stories of the console: a Frontdesk with a channel of its own, agents in front of real browsers, and
// customers who write through that channel.

import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { launch, Visitor } from '../browser.ts';
import { Frontdesk } from '../frontdesk.ts';
import { Relay } from '../relay.ts';

type Json = Record<string, any>;

export let browser: Browser;
let leaving: (() => unknown)[] = [];

/** Every file of stories has a browser; every story leaves nothing behind. */
export function open(): void {
  beforeAll(async () => {
    browser = await launch();
  });
  afterEach(async () => {
    for (const leave of leaving.splice(0).reverse()) await leave();
  });
  afterAll(() => browser?.close());
}

/** The colleague, with a token of their own. */
export interface Colleague {
  id: string;
  token: string;
  ask: (method: string, path: string, body?: unknown) => Promise<Json>;
}

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

/** With FRESH=1 the console is what was built last, whatever is in the program: nothing has to be compiled after a change. */
export async function fresh(agent: Visitor): Promise<void> {
  const manifest = JSON.parse(await readFile(`${dist}manifest.json`, 'utf8')) as Record<string, string>;
  await agent.context.route('**/assets/*', async (route) => {
    const name = new URL(route.request().url()).pathname;
    const contentType = name.endsWith('.css') ? 'text/css' : name.endsWith('.svg') ? 'image/svg+xml' : name.endsWith('.webmanifest') ? 'application/manifest+json' : 'text/javascript';
    // A document that a redirect led to is the program's own, and so are its files.
    const body = await readFile(dist + name).catch(() => undefined);
    await (body ? route.fulfill({ body, contentType }) : route.continue());
  });
  const isDocument = ({ hostname, pathname }: URL) => hostname === 'desk.localhost' && /^\/($|inbox|admin|account|login|password|home|tasks|content_threads|contents|supervision)/.test(pathname);
  await agent.context.route(isDocument, async (route) => {
    // Only browsers know that every host below localhost is this machine.
    const answer = await route.fetch({ url: route.request().url().replace('desk.localhost', '127.0.0.1') });
    const text = (await answer.text())
      .replaceAll(/<link rel="modulepreload"[^>]*>\n?/g, '')
      .replace(/\/assets\/console-[\w-]+\.js/, `/${manifest.console}`)
      .replace(/\/assets\/console-[\w-]+\.css/, `/${manifest['console.css']}`)
      .replace(/\/assets\/console-[\w-]+\.webmanifest/, `/${manifest['console.app']}`);
    await route.fulfill({ response: answer, body: text });
  });
}

type Seat = BrowserContextOptions & { path?: string };

/** The console, in a browser of somebody's own, for whoever this token is of. */
export async function sit(port: number, token: string, { path = '/', ...options }: Seat = {}): Promise<{ page: Page; agent: Visitor }> {
  const agent = await Visitor.come(browser, { viewport: { width: 1360, height: 860 }, locale: 'en', ...options });
  leaving.push(() => agent.leave());
  await agent.context.addInitScript((given) => {
    // The page before the first one has no storage.
    if (!location.protocol.startsWith('http')) return;
    if (given && !sessionStorage.getItem('frontdesk.token') && !sessionStorage.getItem('left')) sessionStorage.setItem('frontdesk.token', given);
  }, token);
  if (process.env.FRESH) await fresh(agent);
  const page = await agent.open(`http://desk.localhost:${port}${path}`);
  return { page, agent };
}

export class Desk {
  private constructor(
    readonly server: Frontdesk,
    readonly source: Json,
    private readonly relay: Relay,
  ) {}

  static async opens(...flags: string[]): Promise<Desk> {
    const server = await Frontdesk.start(...flags);
    leaving.push(() => server.stop());
    const relay = await Relay.before(server.port);
    leaving.push(() => relay.stop());
    if (flags.includes('--demo')) return new Desk(server, (await server.get('/content_sources')).records[0], relay);
    const community = await server.post('/communities', { type: 'sdk', name: 'Customers' });
    const source = await server.post('/content_sources', { type: 'sdk', name: 'Letters', community_id: community.id, secret: 'a secret', active: true });
    return new Desk(server, source, relay);
  }

  get network(): Relay {
    return this.relay;
  }

  /** A customer writes. */
  async says(author: string, thread: string, body: string, more: Json = {}): Promise<void> {
    const id = `m-${author}-${Math.random().toString(36).slice(2)}`;
    const params = {
      id,
      thread_id: thread,
      body,
      author: { id: author, screenname: author, created_at: '2026-01-15T10:00:00Z' },
      created_at: new Date().toISOString(),
      ...more,
    };
    const payload = JSON.stringify({ action: 'messages.create', params });
    const token = (await this.server.get(`/content_sources/${this.source.id}?extended=true`)).access_token;
    const signature = createHmac('sha512', token).update(payload).digest('hex');
    const answer = await fetch(`http://127.0.0.1:${this.server.port}/realtime/sdk/${this.source.id}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-SMCCSDK-SIGNATURE': signature },
      body: payload,
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }

  /** Somebody is hired; by default they may do what an agent does. */
  async hires(firstname: string, rights = 'read,reply,initiate_discussion'): Promise<Colleague> {
    const { server, source } = this;
    const role = (await server.get('/roles')).records.find(({ label }: Json) => label === 'Agent');
    const email = `${firstname.toLowerCase()}@desk.example`;
    const user = await server.post('/users', { email, firstname, lastname: 'Agent', role_id: role.id, no_password: true });
    await server.put(`/users/${user.id}/sources_permissions`, { [source.id]: rights });
    const { token } = await server.post('/access_tokens', { label: 'test', user_id: user.id });
    return { id: user.id, token, ask: (method, path, body) => server.ask(method, path, body, token) };
  }

  /** Signs in, in a browser of their own. */
  sits(token: string, { relayed = false, ...options }: Seat & { relayed?: boolean } = {}): Promise<{ page: Page; agent: Visitor }> {
    return sit(relayed ? this.relay.port : this.server.port, token, options);
  }

  async thread(foreign: string): Promise<Json> {
    const q = encodeURIComponent(`foreign:"${foreign}"`);
    for (let tries = 0; tries < 100; tries++) {
      const found = (await this.server.get(`/content_threads?extended=true&q=${q}`)).records[0];
      if (found) return found;
      await new Promise((next) => setTimeout(next, 30));
    }
    throw new Error(`there is no thread ${foreign}`);
  }
}

export const lines = (page: Page) => page.locator('.lines .line');
export const names = (page: Page): Promise<string[]> => page.locator('.lines .line-name').allInnerTexts();
export const talk = (page: Page) => page.getByRole('article', { name: 'Conversation', exact: true });

/** Somebody drops a file onto a place, or pastes it there. */
export const brings = (place: Locator, how: 'drop' | 'paste', name: string): Promise<void> =>
  place.evaluate(
    (element, [how, name]) => {
      const data = new DataTransfer();
      data.items.add(new File([`what ${name} holds`], name));
      const more = { bubbles: true, cancelable: true };
      element.dispatchEvent(how === 'drop' ? new DragEvent('drop', { ...more, dataTransfer: data }) : new ClipboardEvent('paste', { ...more, clipboardData: data }));
    },
    [how, name] as const,
  );
