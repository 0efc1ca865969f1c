// Who plays in the stories: a Frontdesk of each story's own, a website of somebody else's, visitors in a real browser, and
// agents over REST.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { launch, Visitor } from '../browser.ts';
import { type Agent, Frontdesk, type Source } from '../frontdesk.ts';
import { Relay } from '../relay.ts';
import { snippet } from '../server.ts';

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

export const atTheEnd = (leave: () => unknown): void => void leaving.push(leave);

interface Content {
  lang?: string;
  dir?: string;
  title?: string;
  head?: string;
  body?: string;
  /** Without the snippet. */
  bare?: boolean;
}

/** A website, at a host of its own: its pages by their path. */
export class Site {
  pages: Record<string, Content> = { '/': {} };
  #server: Server;

  private constructor(private readonly code: string) {
    this.#server = createServer((request, response) => {
      const page = this.pages[new URL(request.url ?? '/', 'http://site').pathname];
      response.writeHead(page ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(page ? this.#document(page) : '');
    });
  }

  static async start(code: string): Promise<Site> {
    const site = new Site(code);
    await new Promise<void>((done) => site.#server.listen(0, '127.0.0.1', done));
    atTheEnd(() => {
      site.#server.closeAllConnections();
      site.#server.close();
    });
    return site;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://shop.localhost:${this.port}`;
  }

  #document({ lang = 'en', dir = 'ltr', title = 'Shop', head = '', body = '<h1>Shop</h1>', bare }: Content): string {
    return `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">
<script>var _chatq = _chatq || [];</script>${head}</head><body><main>${body}</main>${bare ? '' : this.code}</body></html>`;
  }
}

export interface Story {
  desk: Frontdesk;
  source: Source;
  site: Site;
  alicia: Agent;
  /** The network between them, if the story asks for one. */
  relay: Relay;
  /** A visitor comes with a browser of their own, and sees a page with the chat open. */
  comes(options?: BrowserContextOptions & { path?: string; shown?: boolean }): Promise<Vera>;
}

/** A visitor in front of the page. */
export interface Vera {
  visitor: Visitor;
  page: Page;
  chat: FrameLocator;
}

export const FIELD = 'Write your message here';
export const field = (chat: FrameLocator) => chat.getByRole('textbox', { name: FIELD });
export const writes = async (chat: FrameLocator, text: string) => {
  await field(chat).fill(text);
  await field(chat).press('Enter');
};
/** The texts of the bubbles in their order, those of the desk with a mark. */
export const said = (chat: FrameLocator): Promise<string[]> =>
  chat.locator('.message .bubble').evaluateAll((bubbles) =>
    bubbles.map((bubble) => (bubble.closest('.theirs') ? '> ' : '') + (bubble as HTMLElement).innerText),
  );
export const opened = async (page: Page): Promise<FrameLocator> => {
  await page.locator('#dimelo_chat_window.ready').waitFor();
  return page.frameLocator('#dimelo_chat_window');
};

/** Every page opens the chat at once. */
export const OPEN = [{ id: 'a'.repeat(24), label: 'Open', actions: { show: 'open' } }];

/** Adds triggers to what the loader is configured with. */
export async function offer(visitor: Visitor, triggers: unknown[]): Promise<void> {
  await visitor.context.route('**/loader.js', async (route) => {
    // Only browsers know that every host below localhost is this machine.
    const answer = await route.fetch({ url: route.request().url().replace('desk.localhost', '127.0.0.1') });
    const text = await answer.text();
    const at = text.lastIndexOf('})(') + 3;
    const config = JSON.parse(text.slice(at, text.lastIndexOf(')')));
    await route.fulfill({ response: answer, body: `${text.slice(0, at)}${JSON.stringify({ ...config, triggers })});` });
  });
}

interface Stage {
  type?: 'mobile_messaging' | 'chat';
  /** Of the source. */
  settings?: Record<string, unknown>;
  /** Whether there is a network between that can be cut. */
  relayed?: boolean;
}

export async function story({ type = 'mobile_messaging', settings = {}, relayed = false }: Stage = {}): Promise<Story> {
  const desk = await Frontdesk.start();
  atTheEnd(() => desk.stop());
  const source = await desk.source(type, settings);
  const relay = await Relay.before(desk.port);
  atTheEnd(() => relay.stop());
  const address = relayed ? `http://desk.localhost:${relay.port}` : desk.url;
  const [site, alicia] = await Promise.all([Site.start(snippet(address, source.token)), desk.agent(source)]);
  return {
    desk,
    source,
    site,
    alicia,
    relay,
    comes: async ({ path = '/', shown = true, ...options } = {}) => {
      const visitor = await Visitor.come(browser, options);
      atTheEnd(() => visitor.leave());
      if (shown) await offer(visitor, OPEN);
      const page = await visitor.open(site.url + path);
      return { visitor, page, chat: shown ? await opened(page) : page.frameLocator('#dimelo_chat_window') };
    },
  };
}
