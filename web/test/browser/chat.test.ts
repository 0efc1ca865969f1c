// The window, in its frame on a real page.

import type { Browser, FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Config } from '../../widget/protocol.ts';
import { launch, violations, Visitor } from '../browser.ts';
import { Desk, settings } from '../desk.ts';
import { configure, Shop, TOKEN } from '../server.ts';

let browser: Browser;
let visitor: Visitor;
let desk: Desk;
const shop = new Shop();

beforeAll(async () => {
  await shop.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  shop.stop();
});
afterEach(async () => {
  desk.cut();
  await visitor?.leave();
});

const OPEN = [{ id: 'a', label: 'A', actions: { show: 'open' as const } }];

interface Scene {
  config?: Partial<Config>;
  before?: (desk: Desk) => void;
  page?: Parameters<Shop['pages']['set']>[1];
  /** False where no trigger shows the chat. */
  shown?: boolean;
}

/** A page with the chat open, and what an agent has to do with it. */
async function come({ config = {}, before, page: content = {}, shown = true }: Scene = {}): Promise<{ page: Page; chat: FrameLocator }> {
  shop.reset(await configure({ triggers: OPEN, ...config }));
  shop.pages.set('/', content);
  desk = new Desk();
  desk.origin = shop.desk;
  before?.(desk);
  shop.answer = desk.answer;
  visitor = await Visitor.come(browser);
  const page = await visitor.open(shop.site);
  if (shown) await page.locator('#dimelo_chat_window.ready').waitFor();
  return { page, chat: page.frameLocator('#dimelo_chat_window') };
}

const field = (chat: FrameLocator) => chat.getByRole('textbox', { name: 'Write your message here' });
const sent = () => desk.asked.filter(({ method, path }) => method === 'POST' && path === 'contents').map(({ body }) => body);
const connected = () => expect.poll(() => desk.streams.size, { timeout: 15_000 }).toBe(1);

test('a conversation: written, answered, read', async () => {
  const { page, chat } = await come();
  await chat.getByText('Welcome! Ask us anything about your order.').waitFor();
  await field(chat).fill('Where is my <b>order</b>?');
  await field(chat).press('Enter');
  await chat.locator('.own .bubble').getByText('Where is my <b>order</b>?').waitFor();
  await expect.poll(() => desk.contents.length).toBe(1);
  await connected();
  const thread_id = desk.threads[0]!.id;
  desk.tell({ type: 'typing', thread_id, typing: true, screenname: 'Alicia' });
  await chat.getByText('Alicia is typing').waitFor();
  desk.add({ from: 'agent', thread_id, body: 'On its way: https://shop.example/track?id=1.' });
  const link = chat.getByRole('link', { name: 'https://shop.example/track?id=1' });
  expect(await link.getAttribute('rel')).toContain('noopener');
  await expect.poll(() => chat.getByText('Alicia is typing').count()).toBe(0);
  await expect.poll(() => desk.asked.some(({ path }) => path === `threads/${thread_id}/read`)).toBe(true);
  expect(sent()[0]).toMatchObject({ body: 'Where is my <b>order</b>?', thread_id: null, trigger_id: 'a' });
  // What comes while it is put away is counted.
  await chat.getByRole('button', { name: 'Minimize' }).click();
  desk.add({ from: 'agent', thread_id, body: 'Anything else?' });
  await chat.locator('.launcher .badge').getByText('1').waitFor();
  // The button is all of it that covers the page.
  const covers = (x: number, y: number) =>
    page.locator('#dimelo_chat_window').evaluate(
      (frame, [x, y]) => {
        const { right, bottom } = frame.getBoundingClientRect();
        return document.elementFromPoint(right - x!, bottom - y!) === frame;
      },
      [x, y],
    );
  await expect.poll(() => Promise.all([covers(36, 36), covers(100, 36), covers(36, 100)])).toEqual([true, false, false]);
  await chat.getByRole('button', { name: 'Open the chat' }).click();
  await expect.poll(async () => (await field(chat).boundingBox())?.height).toBe(44);
  await chat.getByText('Anything else?').waitFor();
  expect(visitor.errors).toEqual([]);
});

test('an answer that gets lost doubles nothing, and what waits is sent in order', async () => {
  const { chat } = await come();
  await connected();
  desk.losesAnswers = true;
  for (const body of ['one', 'two', 'three']) {
    await field(chat).fill(body);
    await field(chat).press('Enter');
  }
  await expect.poll(() => sent().length).toBeGreaterThan(1);
  desk.losesAnswers = false;
  await expect.poll(() => desk.contents.map(({ body }) => body), { timeout: 20_000 }).toEqual(['one', 'two', 'three']);
  await expect.poll(() => chat.locator('.sending').count(), { timeout: 20_000 }).toBe(0);
  await expect.poll(() => chat.locator('.own .bubble').allInnerTexts()).toEqual(['one', 'two', 'three']);
  expect(new Set(desk.contents.map(({ thread_id }) => thread_id)).size).toBe(1);
});

test('what was written offline is kept over a reload and sent once', async () => {
  const { page, chat } = await come();
  await connected();
  const answer = shop.answer!;
  shop.answer = async (request, response) => {
    if (!request.url!.endsWith('/contents')) return answer(request, response);
    response.destroy();
    return true;
  };
  await field(chat).fill('Are you there?');
  await field(chat).press('Enter');
  await chat.getByText('You are offline').waitFor();
  shop.answer = answer;
  desk.cut();
  await page.reload();
  await expect.poll(() => desk.contents.map(({ body }) => body), { timeout: 20_000 }).toEqual(['Are you there?']);
});

test('a stream that is cut goes on where it was', async () => {
  const { chat } = await come({ before: (desk) => void desk.add({ from: 'visitor', body: 'Hello' }) });
  await connected();
  const thread_id = desk.threads[0]!.id;
  desk.cut();
  desk.add({ from: 'agent', thread_id, body: 'Missed by nobody' });
  await chat.locator('.theirs').getByText('Missed by nobody').waitFor();
  await connected();
  desk.add({ from: 'agent', thread_id, body: 'And on' });
  await chat.locator('.theirs').getByText('And on').waitFor();
  expect(await chat.locator('.theirs .bubble').allInnerTexts()).toEqual(['Missed by nobody', 'And on']);
});

test('a refused message can be tried again, and an expired identity is said', async () => {
  const { chat } = await come();
  await connected();
  desk.refuse = { status: 422, error: 'invalid' };
  await field(chat).fill('No');
  await field(chat).press('Enter');
  const retry = chat.getByRole('button', { name: 'This could not be sent. Click to try again.' });
  await retry.waitFor();
  desk.refuse = undefined;
  await retry.click();
  await expect.poll(() => desk.contents.map(({ body }) => body)).toEqual(['No']);
  desk.tell({ type: 'end', error: 'identity_expired' });
  await chat.getByText('Please reload the page to continue the conversation.').waitFor();
});

test('conversations are listed, and a new one is begun', async () => {
  const { chat } = await come({
    before: (desk) => {
      const one = desk.add({ from: 'visitor', body: 'About shoes' }, new Date(Date.now() - 3 * 86_400_000));
      desk.add({ from: 'agent', thread_id: one.thread_id, body: 'They are back' }, new Date(Date.now() - 2 * 86_400_000));
      desk.add({ from: 'visitor', body: 'About a dress' });
    },
  });
  await chat.locator('.own').getByText('About a dress').waitFor();
  await chat.getByRole('button', { name: 'Conversations' }).click();
  const rows = chat.getByRole('navigation').getByRole('listitem');
  await expect.poll(() => rows.count()).toBe(2);
  await rows.getByText('They are back').click();
  await chat.getByRole('log').getByText('About shoes').waitFor();
  await chat.getByRole('button', { name: 'Conversations' }).click();
  await chat.getByRole('button', { name: 'New conversation' }).click();
  await field(chat).fill('Something else');
  await chat.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => new Set(desk.contents.map(({ thread_id }) => thread_id)).size).toBe(3);
});

test('who reads what was said long ago is not torn away, and finds back', async () => {
  let thread_id = '';
  const { chat } = await come({
    before: (desk) => {
      for (let number = 70; number; number--) {
        ({ thread_id } = desk.add({ from: number % 2 ? 'agent' : 'visitor', body: `line ${number}`, ...(thread_id && { thread_id }) }, new Date(Date.now() - number * 60_000)));
      }
    },
  });
  const log = chat.getByRole('log');
  const left = () => log.evaluate(({ scrollTop, scrollHeight, clientHeight }) => Math.round(scrollHeight - scrollTop - clientHeight));
  await chat.getByText('line 1', { exact: true }).waitFor();
  await expect.poll(left).toBeLessThan(2);
  await log.evaluate((element) => void (element.scrollTop = 0));
  const place = async () => Math.round((await chat.getByText('line 30', { exact: true }).boundingBox())!.y);
  const before = await place();
  await chat.getByRole('button', { name: 'Earlier messages' }).click();
  await chat.getByText('line 60', { exact: true }).waitFor({ state: 'attached' });
  expect(Math.abs((await place()) - before)).toBeLessThan(60);
  const there = await place();
  desk.add({ from: 'agent', thread_id, body: 'New' });
  await chat.getByText('New', { exact: true }).waitFor({ state: 'attached' });
  expect(await place()).toBe(there);
  await chat.getByRole('button', { name: 'To the latest message' }).click();
  await expect.poll(left).toBeLessThan(2);
  await expect.poll(() => chat.getByRole('button', { name: 'To the latest message' }).count()).toBe(0);
});

test('structured messages: chosen once, cards, webview', async () => {
  const { chat } = await come({
    before: (desk) => {
      const { thread_id } = desk.add({ from: 'visitor', body: 'Hello' });
      desk.add({
        from: 'agent',
        thread_id,
        structured_content: {
          type: 'template',
          title: '<script>alert(1)</script>',
          url: 'javascript:alert(1)',
          items: [
            { type: 'url', title: 'Seats', url: `${shop.site}/seats`, target: 'webview', webview_height: 'tall' },
            { type: 'reply', title: 'Ok', payload: 'ok' },
          ],
        },
      });
      desk.add({
        from: 'agent',
        thread_id,
        body: 'What do you wish?',
        structured_content: { type: 'select', disable_text_input: true, items: [{ title: 'Red', payload: 'r' }, { title: 'Blue', payload: 'b' }] },
      });
    },
  });
  // The published way to load the SDK, and to use it.
  const end = `<script src="${shop.desk}/webview/sdk.js"></script>`;
  const head = `<script>rcedWebviewSdkLoaded = (sdk) => {
    window.ok = sdk === RCED.WebviewSDK.instance && !sdk.supportFeature('fly');
    onclick = () => window.ok && sdk.supportFeature('close') && sdk.close();
  };</script>`;
  shop.pages.set('/seats', { head, body: '<h1>Seats</h1>', end, title: 'Choose a seat' });
  await chat.getByText('<script>alert(1)</script>').waitFor();
  expect(await chat.locator('a[href^="javascript"]').count()).toBe(0);
  // Only the last message takes an answer.
  expect(await chat.getByRole('button', { name: 'Ok' }).isDisabled()).toBe(true);
  expect(await field(chat).isDisabled()).toBe(true);
  await chat.getByRole('link', { name: 'Seats' }).click();
  await chat.getByRole('dialog', { name: 'Choose a seat' }).waitFor();
  expect(await chat.locator('.webview.tall iframe').contentFrame().locator('iframe').count()).toBe(0);
  await chat.locator('.webview.tall iframe').contentFrame().getByText('Seats').evaluate((title) => (title as HTMLElement).click());
  await expect.poll(() => chat.getByRole('dialog').count()).toBe(0);
  desk.refuse = { status: 422, error: 'invalid' };
  await chat.getByRole('button', { name: 'Blue' }).click();
  const choice = { body: 'Blue', structured_reply: { payload: 'b' } };
  await expect.poll(() => sent()).toMatchObject([choice]);
  // Refused, and tried again, it is still a choice.
  desk.refuse = undefined;
  await chat.getByRole('button', { name: 'This could not be sent. Click to try again.' }).click();
  await expect.poll(() => sent()).toMatchObject([choice, choice]);
  await expect.poll(() => field(chat).isDisabled()).toBe(false);
  expect(await chat.getByRole('button', { name: 'Red' }).count()).toBe(0);
});

test('files are sent with what can go wrong', async () => {
  const { chat } = await come({ before: (desk) => (desk.settings = settings({ attachments: { size_max: 1_000_000, extensions: ['png'] } })) });
  await connected();
  const input = chat.locator('input[type=file]');
  await input.setInputFiles([
    { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from('png') },
    { name: 'virus.exe', mimeType: 'application/x-msdownload', buffer: Buffer.from('MZ') },
    { name: 'large.png', mimeType: 'image/png', buffer: Buffer.alloc(1_000_001) },
  ]);
  await chat.getByText('File type not allowed').waitFor();
  await chat.getByText('File is too large (maximum 1 MB)').waitFor();
  await chat.getByRole('img', { name: 'photo.png' }).waitFor();
  expect(desk.asked.filter(({ path }) => path === 'attachments')).toHaveLength(1);
  await chat.getByRole('button', { name: 'Ok' }).first().click();
  await expect.poll(() => chat.getByText('File type not allowed').count()).toBe(0);
});

test('messages that the page adds wait until the visitor engages', async () => {
  const { page, chat } = await come();
  await connected();
  const push = (command: unknown) =>
    page.evaluate((command) => void (window as unknown as { _chatq: unknown[] })._chatq.push(command), command);
  await push(['_addMessage', { body: 'bot message #1', agent: true }]);
  await push(['_addMessage', { body: 'customer message' }]);
  await chat.locator('.theirs').getByText('bot message #1').waitFor();
  await chat.locator('.own').getByText('customer message').waitFor();
  expect(sent()).toEqual([]);
  await field(chat).fill('Now me');
  await field(chat).press('Enter');
  await expect.poll(() => desk.contents.map(({ from, body }) => `${from} ${body}`)).toEqual([
    'agent bot message #1',
    'visitor customer message',
    'visitor Now me',
  ]);
});

test('Live Chat: lines, the queue, and the end', async () => {
  const { page, chat } = await come({
    config: { mode: 'chat' },
    before: (desk) => (desk.settings = settings({ mode: 'chat', welcome_messages: [] })),
  });
  await field(chat).fill('Hello');
  await field(chat).press('Enter');
  await chat.getByText('Waiting for an agent').waitFor();
  await connected();
  const thread_id = desk.threads[0]!.id;
  desk.tell({ type: 'queue', thread_id, state: 'queued', position: 2, estimated_wait_seconds: 100 });
  await chat.getByText(/position 2 in the waiting queue.*wait time is 2 minutes/s).waitFor();
  desk.add({ from: 'system', thread_id, notice: 'connection', values: { screenname: 'Alicia' } });
  await chat.getByText('Alicia is now connected').waitFor();
  await chat.getByRole('button', { name: 'Quit' }).click();
  await chat.getByText('Do you want to end the conversation?').waitFor();
  await chat.getByRole('dialog').getByRole('button', { name: 'Quit' }).click();
  await chat.getByRole('button', { name: 'See the conversation' }).click();
  await chat.getByText('The conversation has ended.').waitFor();
  await chat.getByRole('button', { name: 'Quit' }).click();
  await chat.getByRole('dialog').getByRole('button', { name: 'Quit' }).click();
  await chat.getByRole('button', { name: 'Leave the conversation' }).evaluate((button) => void setTimeout(() => (button as HTMLElement).click()));
  await expect.poll(() => page.locator('#dimelo_chat_window').count()).toBe(0);
});

test('a frame of the site itself: a signed identity and variables in its address', async () => {
  const { page } = await come({
    config: { triggers: [] },
    page: { body: `<iframe id="own" style="width:700px;height:500px" src="${shop.desk}/chat/${TOKEN}/web?jwt_identity=a.b.c&custom_cart=3"></iframe>` },
    shown: false,
  });
  const chat = page.frameLocator('#own');
  await chat.getByText('No conversations').waitFor();
  await field(chat).fill('From a frame');
  await field(chat).press('Enter');
  await expect.poll(() => desk.contents.length).toBe(1);
  expect(desk.asked[0]).toMatchObject({ path: 'session', body: { jwt: 'a.b.c', custom: { custom_cart: '3' }, session: null } });
});

test('an automatic message is counted while the window is put away, and read in it', async () => {
  const { chat } = await come({ config: { triggers: [{ id: 'a', label: 'A', actions: { show: 'minimized', message: 'May I help?' } }] } });
  await chat.locator('.launcher .badge').getByText('1').waitFor();
  await chat.getByRole('button', { name: 'Open the chat' }).click();
  await chat.locator('.theirs').getByText('May I help?').waitFor();
  // It stands in place of the welcome.
  expect(await chat.getByText('Welcome! Ask us anything').count()).toBe(0);
});

test('French, and texts of the page over those of the source', async () => {
  const { chat } = await come({
    before: (desk) => (desk.settings = settings({ translations: { fr: { default_title: 'Boutique', you_colon: 'Source : ' } } })),
    page: { lang: 'fr', end: `<script>var _chatq = _chatq || []; _chatq.push(['_addTranslations', { fr: { default_title: 'Ma boutique' } }]);</script>` },
  });
  await chat.getByRole('heading', { name: 'Ma boutique' }).waitFor();
  await chat.getByRole('textbox', { name: 'Écrivez votre message ici' }).waitFor();
});

test('who asks for it is told of answers while looking elsewhere', async () => {
  const { page, chat } = await come({ before: (desk) => void desk.add({ from: 'visitor', body: 'Hello' }) });
  await connected();
  const thread_id = desk.threads[0]!.id;
  await page.evaluate(() => {
    const shown: unknown[] = ((window as unknown as { shown: unknown[] }).shown = []);
    class Fake {
      static permission = 'default';
      static requestPermission = async () => (Fake.permission = 'granted');
      constructor(title: string, options: object) {
        shown.push([title, options]);
      }
    }
    Object.assign(window, { Notification: Fake });
    Object.defineProperty(document, 'hidden', { get: () => true });
  });
  const shown = () => page.evaluate(() => (window as unknown as { shown: unknown[] }).shown);
  desk.add({ from: 'agent', thread_id, body: 'Nobody asked' });
  await chat.locator('.theirs').getByText('Nobody asked').waitFor();
  const bell = chat.getByRole('button', { name: 'Tell me of answers' });
  await bell.click();
  await expect.poll(() => bell.getAttribute('aria-pressed')).toBe('true');
  desk.add({ from: 'agent', thread_id, body: 'Here I am' });
  await expect.poll(shown).toEqual([['Alicia', expect.objectContaining({ body: 'Here I am' })]]);
  await bell.click();
  await expect.poll(() => bell.getAttribute('aria-pressed')).toBe('false');
  desk.add({ from: 'agent', thread_id, body: 'Quiet again' });
  await chat.locator('.theirs').getByText('Quiet again').waitFor();
  expect(await shown()).toHaveLength(1);
});

test('whatever texts hold, they stay texts', async () => {
  const evil = `<img src=x onerror="parent.hit=1"><script>hit=1</script>`;
  const { page, chat } = await come({
    before: (desk) => {
      desk.settings = settings({ translations: { en: { default_title: evil, typing: `${evil} %{screenname}` } }, avatar_url: 'javascript:hit=1' });
      const { thread_id } = desk.add({ from: 'visitor', body: evil });
      const file = { id: 'f', name: evil, content_type: 'application/pdf', size: 1, url: `${shop.desk}/files/wide.png` };
      desk.add({ from: 'agent', thread_id, body: evil, author: { screenname: evil, avatar_url: 'javascript:hit=1' }, attachments: [file] });
      desk.add({
        from: 'agent',
        thread_id,
        structured_content: {
          type: 'carousel',
          items: [{ title: evil, subtitle: evil, url: 'javascript:hit=1', url_text: evil, attachment_url: 'javascript:hit=1', items: [{ type: 'url', title: evil, url: 'data:text/html,x' }] }],
        },
      } as Parameters<Desk['add']>[0]);
      desk.add({ from: 'system', thread_id, notice: 'connection', values: { screenname: evil } });
    },
    page: { end: `<script>var _chatq = _chatq || []; _chatq.push(['_addTranslations', JSON.parse('{"__proto__":{"polluted":1},"en":{"__proto__":{"polluted":1}}}')]);</script>` },
  });
  await chat.getByRole('heading', { name: evil }).waitFor();
  await connected();
  desk.tell({ type: 'typing', thread_id: desk.threads[0]!.id, typing: true, screenname: evil });
  await expect.poll(() => chat.getByRole('status').innerText()).toContain(evil);
  await chat.getByRole('button', { name: 'Conversations' }).click();
  await chat.getByRole('navigation').getByRole('listitem').waitFor();
  for (const frame of page.frames()) {
    expect(await frame.evaluate(() => 'hit' in window || 'polluted' in {})).toBe(false);
    expect(await frame.locator('[onerror], body script:not([src]):not([type]), a[href^="data"], a[href^="javascript"]').count()).toBe(frame === page.mainFrame() ? 2 : 0);
  }
});

test('everything can be done with the keyboard', async () => {
  const { page, chat } = await come({
    before: (desk) => {
      const { thread_id } = desk.add({ from: 'visitor', body: 'Hello' });
      desk.add({ from: 'agent', thread_id, body: 'Which?', structured_content: { type: 'select', items: [{ title: 'Red' }, { title: 'Blue' }] } });
    },
  });
  const focused = () =>
    page.frames().find((frame) => frame.url().endsWith('/window'))!.evaluate(() => {
      const { activeElement } = document;
      return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent ?? '';
    });
  const press = async (key: string, until: string) => {
    for (let count = 0; count < 12 && (await focused()) !== until; count++) await page.keyboard.press(key);
    expect(await focused()).toBe(until);
  };
  await field(chat).focus();
  await press('Shift+Tab', 'Blue');
  await page.keyboard.press('Enter');
  await expect.poll(() => sent()).toMatchObject([{ body: 'Blue' }]);
  await field(chat).focus();
  await press('Shift+Tab', 'Add an emoji');
  await page.keyboard.press('Enter');
  await press('Shift+Tab', '☀️');
  await page.keyboard.press('Enter');
  await expect.poll(() => field(chat).inputValue()).toBe('☀️');
  await press('Shift+Tab', 'Minimize');
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Open the chat');
  await page.keyboard.press('Enter');
  await field(chat).waitFor();
  await field(chat).press('Escape');
  await expect.poll(focused).toBe('Open the chat');
});

test('nothing that axe finds, whatever is shown, in either light', async () => {
  const { page, chat } = await come({
    before: (desk) => {
      const { thread_id } = desk.add({ from: 'visitor', body: 'Hello' });
      desk.add({ from: 'agent', thread_id, body: 'Good morning', attachments: [{ id: 'f', name: 'terms.pdf', content_type: 'application/pdf', size: 1, url: `${shop.desk}/files/wide.png` }] });
      desk.add({ from: 'system', thread_id, notice: 'request_email' });
      const items = [{ title: 'Dress', subtitle: '58 €', url: 'https://shop.example', attachment_url: `${shop.desk}/files/wide.png`, items: [{ type: 'reply' as const, title: 'This one' }] }];
      desk.add({ from: 'agent', thread_id, structured_content: { type: 'carousel', items } });
      const seats = { type: 'url' as const, title: 'Seats', url: `${shop.site}/seats`, target: 'webview' as const };
      desk.add({ from: 'agent', thread_id, structured_content: { type: 'template', title: 'Train', items: [seats] } });
      desk.add({ from: 'agent', thread_id, body: 'Which one?', structured_content: { type: 'select', items: [{ title: 'Red' }] } });
    },
  });
  shop.pages.set('/seats', { title: 'Seats' });
  await chat.getByText('Which one?').waitFor();
  await connected();
  const inside = page.frames().find((frame) => frame.url().endsWith('/window'))!;
  const thread_id = desk.threads[0]!.id;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const check = async (state: string) => expect([colorScheme, state, await violations(inside)]).toEqual([colorScheme, state, []]);
    await check('conversation');
    desk.tell({ type: 'typing', thread_id, typing: true, screenname: 'Alicia' });
    await chat.getByText('Alicia is typing').waitFor();
    await check('typing');
    await chat.getByRole('button', { name: 'Add an emoji' }).click();
    await check('emoji');
    await chat.getByRole('button', { name: 'Add an emoji' }).click();
    await chat.getByRole('link', { name: 'Seats' }).click();
    await chat.getByRole('dialog').waitFor();
    await check('a page above the conversation');
    await page.keyboard.press('Escape');
    await chat.locator('input[type=file]').setInputFiles({ name: 'virus.exe', mimeType: 'x/y', buffer: Buffer.from('MZ') });
    await chat.getByText('File type not allowed').waitFor();
    await chat.locator('.email').getByRole('button').click();
    await chat.getByText('This field is required').waitFor();
    await check('errors');
    await chat.getByRole('button', { name: 'Ok' }).click();
    await chat.getByRole('button', { name: 'Conversations' }).click();
    await check('list');
    await chat.getByRole('button', { name: 'New conversation' }).click();
    await chat.getByText('Welcome! Ask us anything').waitFor();
    await check('welcome');
    await chat.getByRole('button', { name: 'Conversations' }).click();
    await chat.getByRole('navigation').getByRole('listitem').click();
    await chat.getByRole('button', { name: 'Minimize' }).click();
    await check('put away');
    await chat.getByRole('button', { name: /^Open the chat/ }).click();
  }
  const answer = shop.answer!;
  shop.answer = async (request, response) => (request.url!.endsWith('/contents') && request.method === 'POST' ? (response.destroy(), true) : answer(request, response));
  await field(chat).fill('Are you there?');
  await field(chat).press('Enter');
  await chat.getByText('You are offline').waitFor();
  expect(await violations(inside)).toEqual([]);
  shop.answer = answer;
  await chat.getByText('You are offline').waitFor({ state: 'hidden', timeout: 20_000 });
  desk.tell({ type: 'end', error: 'identity_expired' });
  await chat.getByText('Please reload the page').waitFor();
  expect(await violations(inside)).toEqual([]);
}, 60_000);

test('nothing that axe finds in a Live Chat, to its end', async () => {
  const { page, chat } = await come({ config: { mode: 'chat' }, before: (desk) => (desk.settings = settings({ mode: 'chat' })) });
  await field(chat).fill('Hello');
  await field(chat).press('Enter');
  await chat.getByText('Waiting for an agent').waitFor();
  await connected();
  const thread_id = desk.threads[0]!.id;
  const inside = page.frames().find((frame) => frame.url().endsWith('/window'))!;
  desk.tell({ type: 'queue', thread_id, state: 'queued', position: 2, estimated_wait_seconds: 100 });
  await chat.getByText('position 2').waitFor();
  const both = async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      expect(await violations(inside)).toEqual([]);
    }
  };
  await both();
  await chat.getByRole('button', { name: 'Quit' }).click();
  await chat.getByRole('dialog').waitFor();
  await both();
  await chat.getByRole('dialog').getByRole('button', { name: 'Quit' }).click();
  await chat.getByRole('button', { name: 'Leave the conversation' }).waitFor();
  await both();
});
