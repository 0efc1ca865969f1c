// A real browser for tests: Debian's chromium.

import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const launch = (): Promise<Browser> => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

/** A visitor with a browser of their own; what their console complained of is kept. */
export class Visitor {
  readonly complaints: string[] = [];
  readonly errors: string[] = [];
  readonly requests: string[] = [];

  private constructor(readonly context: BrowserContext) {
    context.on('console', (message) => {
      if (message.type() === 'warning' || message.type() === 'error') this.complaints.push(message.text());
    });
    context.on('weberror', (error) => this.errors.push(String(error.error())));
    context.on('request', (request) => this.requests.push(request.url()));
  }

  static async come(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(10_000);
    return new Visitor(context);
  }

  async open(address: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(address);
    return page;
  }

  leave(): Promise<void> {
    return this.context.close();
  }
}
