// What the tests of loader and manager share: a page with the widget, and how to look at it from outside.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { EVENTS } from '../widget/manager/events.ts';
import type { Config } from '../widget/protocol.ts';
import type { Trigger } from '../widget/targeting/types.ts';
import { launch, Visitor } from './browser.ts';
import { configure, FLOATING, Shop } from './server.ts';

export const shop = new Shop();
export let browser: Browser;
/** Who looks at the page of this test. */
export let visitor: Visitor;

/** Every file of tests has a browser and a shop of its own. */
export function open(): void {
  beforeAll(async () => {
    await shop.start();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    shop.stop();
  });
  afterEach(() => visitor?.leave());
}

/** A visitor with a browser of their own. */
export async function visit(): Promise<Visitor> {
  visitor = await Visitor.come(browser);
  return visitor;
}

/** Notes every event, before or after the loader has come. */
export const LISTEN = `<script>
  var _chatq = _chatq || []; window.told = [];
  ${JSON.stringify(EVENTS)}.forEach(function (name) {
    _chatq.push(['_onEvent', name, function (data) { told.push(data); }]);
  });
</script>`;

export const trigger = (id: string, more: Partial<Trigger> = {}): Trigger => ({ id, label: `Trigger ${id}`, ...more });
export const button = (id: string, more: Partial<Trigger> = {}) => trigger(id, { actions: { button: FLOATING }, ...more });

export async function come(config: Partial<Config>, page: Parameters<Shop['pages']['set']>[1] = {}): Promise<Page> {
  shop.reset(await configure(config));
  shop.pages.set('/', { head: LISTEN, ...page });
  shop.pages.set('/other', { head: LISTEN, ...page, title: 'Other' });
  return (await visit()).open(shop.site);
}

export type Told = Record<string, unknown> & { event: string };
export const told = (page: Page) => page.evaluate(() => (window as unknown as { told: Told[] }).told);
export const names = async (page: Page) => (await told(page)).map(({ event }) => event);
export const heard = (page: Page, event: string) =>
  page.waitForFunction((name) => (window as unknown as { told: Told[] }).told.some((each) => each.event === name), event);
export const push = (page: Page, ...command: unknown[]) =>
  page.evaluate((command) => void (window as unknown as { _chatq: unknown[] })._chatq.push(command), command);
export const item = (page: Page, id: string) => page.locator(`#dimelo_chat_item_${id}`);
export const frame = (page: Page) => page.frameLocator('#dimelo_chat_window');
export const decided = (page: Page) =>
  page.evaluate(() => {
    const done = new Promise((resolve) => addEventListener('frontdesk:decided', resolve, { once: true }));
    dispatchEvent(new Event('hashchange'));
    return done.then(() => {});
  });
/** A click that takes away what is clicked. */
export const leave = (page: Page) => frame(page).locator('#close').evaluate((button) => void setTimeout(() => (button as HTMLElement).click()));
/** Lines of what the window of the tests was told. */
export const windowLog = async (page: Page) =>
  (await frame(page).locator('#log').innerText()).split('\n').filter(Boolean).map((line) => JSON.parse(line));
