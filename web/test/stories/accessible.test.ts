// A whole conversation by somebody who sees nothing and has no mouse: what the browser's accessibility tree says, and the
// keyboard.

import type { CDPSession, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { offer, OPEN, open, story } from './cast.ts';

open();

interface Node {
  role: string;
  name: string;
  value: unknown;
  properties: Record<string, unknown>;
  element: number;
}

/** Knows of a frame what an assistive technology is told, and nothing else. */
class Ear {
  private constructor(
    private readonly page: Page,
    private readonly session: CDPSession,
  ) {}

  static async in(page: Page): Promise<Ear> {
    const frame = await expect.poll(() => page.frames().find((frame) => frame.url().endsWith('/window'))).toBeDefined();
    void frame;
    const session = await page.context().newCDPSession(page.frames().find((frame) => frame.url().endsWith('/window'))!);
    await session.send('Accessibility.enable');
    return new Ear(page, session);
  }

  async tree(): Promise<Node[]> {
    const { nodes } = await this.session.send('Accessibility.getFullAXTree');
    return nodes
      .filter(({ ignored }) => !ignored)
      .map(({ role, name, value, properties = [], backendDOMNodeId }) => ({
        role: String(role?.value),
        name: String(name?.value ?? ''),
        value: value?.value,
        properties: Object.fromEntries(properties.map((each) => [each.name, each.value.value])),
        element: backendDOMNodeId ?? 0,
      }));
  }

  async hears(role: string, name: string | RegExp): Promise<Node> {
    const is = (text: string) => (typeof name === 'string' ? text === name : name.test(text));
    let found: Node | undefined;
    const look = async () => (found = (await this.tree()).find((node) => node.role === role && is(node.name)));
    await expect.poll(look, { message: `${role} ${name}` }).toBeDefined();
    return found!;
  }

  async focused(): Promise<string> {
    const nodes = await this.tree();
    const node = nodes.findLast(({ role, properties }) => properties.focused && role !== 'RootWebArea');
    return node ? `${node.role} ${node.name}` : '';
  }

  async presses(role: string, name: string | RegExp): Promise<void> {
    const { element } = await this.hears(role, name);
    await this.session.send('DOM.focus', { backendNodeId: element });
    await this.page.keyboard.press('Enter');
  }
}

test('everything that is to be done, by what the accessibility tree says', async () => {
  const { source, site, alicia, comes } = await story({ settings: { welcome_messages: ['How can we help?'], translations: { en: { default_title: 'Purple Shop' } } } });
  void source;
  void site;
  const { visitor, page } = await comes({ shown: false });
  await offer(visitor, [{ ...OPEN[0], actions: { show: 'minimized' } }]);
  await page.reload();
  await page.locator('#dimelo_chat_window.ready').waitFor();
  const vera = await Ear.in(page);
  await vera.presses('button', 'Open the chat');
  await vera.hears('heading', 'Purple Shop');
  await vera.hears('StaticText', 'How can we help?');
  await expect.poll(() => vera.focused()).toBe('textbox Write your message here');
  await page.keyboard.type('Is the blue one back?');
  await page.keyboard.press('Enter');
  const question = await alicia.finds('Is the blue one back?');
  // New messages are read out: they are in a log.
  const log = await vera.hears('log', 'Your conversation');
  expect(log.properties.live).toBe('polite');
  await alicia.types(question.thread_id);
  await vera.hears('StaticText', 'Alicia Agent is typing');
  const items = [{ title: 'Small', payload: 's' }, { title: 'Large', payload: 'l' }];
  await alicia.answers(question, 'It is. Which size?', { structured_content: { type: 'select', items, disable_text_input: true } });
  await vera.hears('StaticText', 'It is. Which size?');
  await expect.poll(async () => (await vera.hears('textbox', 'Write your message here')).properties.disabled).toBe(true);
  await vera.presses('button', 'Large');
  expect((await alicia.finds('Large')).structured_reply).toEqual({ payload: 'l' });
  await vera.presses('button', 'Add an emoji');
  await vera.presses('button', '👍');
  await expect.poll(async () => (await vera.hears('textbox', 'Write your message here')).value).toBe('👍');
  await expect.poll(() => vera.focused()).toBe('textbox Write your message here');
  await page.keyboard.press('Enter');
  await alicia.finds('👍');
  await vera.presses('button', 'Conversations');
  await vera.hears('navigation', 'Conversations');
  await vera.hears('listitem', /|.*/);
  await vera.presses('button', 'New conversation');
  await expect.poll(() => vera.focused()).toBe('textbox Write your message here');
  await page.keyboard.type('Something else');
  await page.keyboard.press('Enter');
  expect((await alicia.finds('Something else')).thread_id).not.toBe(question.thread_id);
  await page.keyboard.press('Escape');
  await expect.poll(() => vera.focused()).toBe('button Open the chat');
  await alicia.answers(question, 'Anything else?');
  await vera.presses('button', /^Open the chat.*1 unread/);
  await vera.presses('button', 'Conversations');
  await vera.presses('button', /Anything else\?.*1 unread/);
  await vera.hears('StaticText', 'Anything else?');
});

test('from the page into the chat and out of it by the tab key alone, and nothing traps', async () => {
  const { site, comes } = await story();
  site.pages['/'] = { body: '<a href="#one">first</a><a href="#two">second</a>' };
  const { page } = await comes();
  const inside = page.frames().find((frame) => frame.url().endsWith('/window'))!;
  const where = async () => {
    const outer = await page.evaluate(() => document.activeElement?.textContent || document.activeElement?.id || '');
    return outer === 'dimelo_chat_window' ? inside.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName ?? '') : outer;
  };
  await page.getByRole('link', { name: 'second' }).focus();
  const seen: string[] = [];
  for (let step = 0; step < 12; step++) {
    await page.keyboard.press('Tab');
    seen.push(await where());
  }
  expect(seen).toContain('Conversations');
  expect(seen).toContain('Minimize');
  expect(seen).toContain('Write your message here');
  expect(seen.slice(seen.indexOf('Send a file') + 1).some((name) => ['', 'first', 'BODY'].includes(name) || name.startsWith('first'))).toBe(true);
});
