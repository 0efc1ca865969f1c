// Serves pages of a shop and, under another host name, what a Frontdesk serves to it, from dist/. It stands for the
// server in these tests only.

import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { defaultItems } from '../build/items.js';
import type { Config } from '../widget/protocol.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
export const TOKEN = '6f2d4b0a91c84e7fa3b5';

export const [FLOATING, FIXED, INVITATION] = ['1', '2', '3'].map((digit) => digit.repeat(24)) as [string, string, string];

export async function manifest(): Promise<Record<string, string>> {
  return JSON.parse(await readFile(`${root}dist/manifest.json`, 'utf8'));
}

/** The configuration of a source, with what a test wants otherwise. */
export async function configure(more: Partial<Config> = {}, locale = 'en'): Promise<Config> {
  const { manager, launcher, debug } = await manifest();
  const assets = { manager: `/${manager}`, launcher: `/${launcher}`, debug: `/${debug}`, window: `/chat/${TOKEN}/window` };
  return { token: TOKEN, active: true, mode: 'messaging', items: await defaultItems(locale), assets, ...more };
}

/** `loader.js`, as the server makes it. */
export async function loader(config: Config, analytics?: string): Promise<string> {
  const more = analytics ? `\n(analytics=>{${await readFile(`${root}dist/analytics.js`, 'utf8')}})("${analytics}");` : '';
  return `(frontdesk=>{${await readFile(`${root}dist/loader.js`, 'utf8')}})(${JSON.stringify(config)});${more}`;
}

/** The published snippet. */
export const snippet = (address: string, token = TOKEN): string => `<script>
    (function(d) {
        var cm = d.createElement('scr' + 'ipt'); cm.type = 'text/javascript'; cm.async = true;
        cm.src = '${address}/chat/${token}/loader.js';
        var s = d.getElementsByTagName('scr' + 'ipt')[0]; s.parentNode.insertBefore(cm, s);
    }(document));
</script>`;

export interface Page {
  /** Before the snippet. */
  head?: string;
  body?: string;
  title?: string;
  lang?: string;
  dir?: string;
  /** After the snippet. */
  end?: string;
}

export class Shop {
  config: Config | undefined;
  analytics: string | undefined;
  pages = new Map<string, Page>();
  /** What the server answers to the manager's questions. */
  availability: (ids: string[]) => unknown = (ids) => ({ triggers: Object.fromEntries(ids.map((id) => [id, 1])) });
  openThreads: (body: string) => unknown = () => ({ open_threads: 0 });
  /** Sent with pages of the shop. */
  policy: string | undefined;
  /** The document of the chat's window; without it, a small one for tests. */
  window: string | undefined;
  asked: string[] = [];
  answer: ((request: IncomingMessage, response: ServerResponse) => Promise<boolean>) | undefined;
  #server: Server;
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async start(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** The shop and the server are two sites. */
  get site(): string {
    return `http://shop.localhost:${this.#port}`;
  }

  get desk(): string {
    return `http://desk.localhost:${this.#port}`;
  }

  reset(config: Config): void {
    this.config = config;
    this.analytics = undefined;
    this.pages = new Map([['/', {}]]);
    this.availability = (ids) => ({ triggers: Object.fromEntries(ids.map((id) => [id, 1])) });
    this.openThreads = () => ({ open_threads: 0 });
    this.policy = undefined;
    this.window = undefined;
    this.answer = undefined;
    this.asked = [];
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const send = (type: string, body: string, headers: Record<string, string> = {}) => {
      response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-store', ...headers });
      response.end(body);
    };
    if (url.hostname.startsWith('desk')) {
      const name = url.pathname.replace(`/chat/${TOKEN}/`, '');
      this.asked.push(`${request.method} ${name}${url.search}`);
      const open = { 'Access-Control-Allow-Origin': this.site };
      if (await this.answer?.(request, response)) return;
      if (name === 'loader.js') return send('text/javascript', this.config ? await loader(this.config, this.analytics) : '/* off */');
      if (name === '/webview/sdk.js') return send('text/javascript', await readFile(`${root}dist/webview.js`, 'utf8'));
      if (name === 'window') return send('text/html', this.window ?? WINDOW);
      if (name === 'availability') {
        const ids = url.searchParams.get('trigger_ids')!.split(',');
        return send('application/json', JSON.stringify(this.availability(ids)), open);
      }
      if (name === 'status') {
        let body = '';
        for await (const part of request) body += part;
        return send('application/json', JSON.stringify(this.openThreads(body)), open);
      }
      try {
        return send('text/javascript', await readFile(`${root}dist${url.pathname}`, 'utf8'));
      } catch {
        response.writeHead(404).end();
        return;
      }
    }
    const page = this.pages.get(url.pathname);
    if (!page) {
      response.writeHead(404).end();
      return;
    }
    const headers: Record<string, string> = this.policy ? { 'Content-Security-Policy': this.policy } : {};
    send('text/html', this.#page(page), headers);
  }

  #page({ head = '', body = '<main><h1>Shop</h1></main>', title = 'Shop', lang = 'en', dir = 'ltr', end = '' }: Page): string {
    const code = this.policy ? `<script async src="${this.desk}/chat/${TOKEN}/loader.js"></script>` : snippet(this.desk);
    return `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">${head}</head>
<body>${body}${code}${end}</body></html>`;
  }
}

/** A window that does what the manager's tests press, and nothing else. */
const WINDOW = `<!doctype html><title>Chat</title><body style="margin:0;background:#eef">
<button id=engage>engage</button><button id=receive>receive</button><button id=minimise>minimise</button>
<button id=open>open</button><button id=close>close</button><pre id=log></pre>
<script>
  addEventListener('message', ({ source, data, ports }) => {
    if (source !== parent || data !== 'frontdesk:channel') return;
    const port = ports[0];
    const tell = (type, more) => port.postMessage({ type, ...more });
    const on = (id, ...types) => document.getElementById(id).onclick = () => types.forEach((type) => tell(type));
    on('engage', 'engaged', 'message_sent'); document.getElementById('receive').onclick = () => tell('message_received', { from: 'A', body: 'B' }); on('minimise', 'minimised');
    on('open', 'opened'); on('close', 'closed');
    port.onmessage = ({ data }) => {
      log.textContent += JSON.stringify(data) + '\\n';
      if (data.type === 'start') { tell('ready', { title: 'Chat' }); tell('session', { session: 'anonymous' }); }
      if (data.type === 'open') tell('opened');
    };
  });
  parent.postMessage('frontdesk:hello', '*');
</script>`;
