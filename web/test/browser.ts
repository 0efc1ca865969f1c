// A real browser for tests: Debian's chromium.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Frame, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const launch = (): Promise<Browser> => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

/** A visitor with a browser of their own; what their console complained of is kept. */
export class Visitor {
  readonly complaints: string[] = [];
  readonly errors: string[] = [];
  readonly requests: string[] = [];
  /** Sockets that were opened, and the plain streams that stand in for them. */
  readonly sockets: string[] = [];

  private constructor(readonly context: BrowserContext) {
    context.on('console', (message) => {
      if (message.type() === 'warning' || message.type() === 'error') this.complaints.push(message.text());
    });
    context.on('weberror', (error) => this.errors.push(String(error.error())));
    context.on('request', (request) => this.requests.push(request.url()));
    context.on('page', (page) => page.on('websocket', (socket) => this.sockets.push(socket.url())));
  }

  static async come(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(20_000);
    return new Visitor(context);
  }

  async open(address: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(address);
    return page;
  }

  get streams(): string[] {
    return this.requests.filter((url) => url.includes('/stream?'));
  }

  leave(): Promise<void> {
    return this.context.close();
  }
}

const AXE = fileURLToPath(new URL('../node_modules/axe-core/axe.min.js', import.meta.url));

interface Found {
  violations: { id: string; nodes: { html: string; any: { message: string }[] }[] }[];
}

/** What axe finds against WCAG 2.2 AA in a document. */
export async function violations(frame: Frame): Promise<string[]> {
  await frame.evaluate(await readFile(AXE, 'utf8'));
  // What is still fading in has not its colours yet; what turns for ever is not waited for.
  await frame.evaluate(() => Promise.allSettled(document.getAnimations().filter(({ effect, playState }) => playState === 'running' && effect?.getTiming().iterations !== Infinity).map(({ finished }) => finished)));
  const found = await frame.evaluate(() => {
    const { axe } = window as unknown as { axe: { run(options: unknown): Promise<Found> } };
    return axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], iframes: false });
  });
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ''}`).join(' ')}`);
}
