// Pictures of every state, to be looked at: SHOTS=dist/shots npx vitest run screenshots

import { mkdir } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { launch, Visitor } from '../browser.ts';
import { Desk, settings } from '../desk.ts';
import { configure, FIXED, FLOATING, INVITATION, Shop } from '../server.ts';

const folder = process.env.SHOTS;

const STYLE = `<style>
  body{margin:0;font:16px/1.6 Georgia,serif;color:#2b2b2b;background:#fbfaf8}
  header{display:flex;gap:32px;align-items:baseline;padding:24px 40px;border-bottom:1px solid #e8e4dd}
  header b{font-size:22px;letter-spacing:.02em}
  main{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:32px;padding:40px}
  figure{margin:0}figure div{height:240px;border-radius:6px}
  figcaption{margin-top:8px}
  @media (prefers-color-scheme:dark){body{background:#161616;color:#ddd}header{border-color:#333}}
</style>`;
const BODY = `<header><b>Purple Shop</b><span>Dresses</span><span>Shoes</span></header><main>
  ${['#d9c6e0', '#c9b1d6', '#e6d6ea', '#bfa3cf', '#dccbe4', '#cdb8da'].map((color) => `<figure><div style="background:${color}"></div><figcaption>Pink dress — 58 €</figcaption></figure>`).join('')}
  <div id="dimelo_chat_item_markup_${FIXED}" class="dimelo_chat_item_markup"></div></main>`;

const LOOKS = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  rtl: { viewport: { width: 1280, height: 800 }, dir: 'rtl' },
  french: { viewport: { width: 1280, height: 800 }, lang: 'fr' },
} as const;

describe.skipIf(!folder)('pictures', () => {
  let browser: Browser;
  const shop = new Shop();
  beforeAll(async () => {
    await mkdir(folder!, { recursive: true });
    await shop.start();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    shop.stop();
  });

  for (const [look, { ...options }] of Object.entries(LOOKS)) {
    const shoot = (page: Page, name: string) => page.screenshot({ path: `${folder}/${look}-${name}.png` });
    const dir = 'dir' in options ? options.dir : 'ltr';
    const lang = 'lang' in options ? options.lang : 'en';

    test(`items, ${look}`, async () => {
      const triggers = [
        { id: 'a', label: 'A', actions: { button: FLOATING } },
        { id: 'b', label: 'B', actions: { button: FIXED } },
        { id: 'c', label: 'C', actions: { invitation: INVITATION }, conditions: [{ criterion: 'page_path', operator: 'is', value: '/elsewhere' }] },
        { id: 'd', label: 'D', actions: { invitation: INVITATION } },
      ];
      shop.reset(await configure({ triggers }, lang));
      shop.pages.set('/', { head: STYLE, body: BODY, dir, lang });
      const visitor = await Visitor.come(browser, options);
      const page = await visitor.open(shop.site);
      await page.locator(`#dimelo_chat_item_${INVITATION}`).waitFor();
      await page.waitForTimeout(400);
      await shoot(page, 'items');
      if (look === 'light' || look === 'french') {
        await page.evaluate(() => (window as unknown as { Dimelo: { Messaging: { Debug: { start(): void } } } }).Dimelo.Messaging.Debug.start());
        const buttons = page.locator('#dimelo_chat_debug button');
        await buttons.nth(2).click();
        await shoot(page, 'debug-triggers');
        await buttons.nth(1).click();
        await shoot(page, 'debug-store');
      }
      if (look === 'light') {
        shop.config = await configure({ mode: 'chat', triggers: triggers.map((each) => ({ ...each, only_if_available: true })) });
        shop.availability = () => ({ triggers: {} });
        await page.goto(shop.site);
        await page.locator('.dimelo_chat_mode_offline').first().waitFor();
        await page.waitForTimeout(400);
        await shoot(page, 'offline');
      }
      await visitor.leave();
    });

    test(`chat, ${look}`, async () => {
      const french = lang === 'fr';
      shop.reset(await configure({ triggers: [{ id: 'a', label: 'A', actions: { show: 'open' } }] }, lang));
      shop.pages.set('/', { head: STYLE, body: BODY, dir, lang });
      const desk = new Desk();
      desk.origin = shop.desk;
      const text = (english: string, other: string) => (french ? other : english);
      desk.settings = settings({
        avatar_url: `${shop.desk}/files/square.png`,
        translations: { en: { default_title: 'Purple Shop' }, fr: { default_title: 'Purple Shop' } },
        ...(french && { welcome_messages: ['Bienvenue ! Posez-nous vos questions.', 'Nous répondons en général en quelques minutes.'] }),
      });
      shop.answer = desk.answer;
      const visitor = await Visitor.come(browser, options);
      const page = await visitor.open(shop.site);
      await page.locator('#dimelo_chat_window.ready').waitFor();
      const chat = page.frameLocator('#dimelo_chat_window');
      await page.waitForTimeout(600);
      await shoot(page, 'chat-1-welcome');
      const minute = (ago: number) => new Date(Date.now() - ago * 60_000);
      const old = desk.add({ from: 'visitor', body: text('Is the blue one back in stock?', 'Le bleu est-il de nouveau en stock ?') }, minute(6000));
      desk.add({ from: 'agent', thread_id: old.thread_id, body: text('Yes, since yesterday!', 'Oui, depuis hier !') }, minute(5990));
      const { thread_id } = desk.add({ from: 'visitor', body: text('Hello, I cannot find my size', 'Bonjour, je ne trouve pas ma taille') }, minute(12));
      const agent = (more: Parameters<Desk['add']>[0] extends infer C ? Partial<C> : never, ago: number) =>
        desk.add({ ...more, from: 'agent', thread_id }, minute(ago));
      agent({ body: text('Good morning! Which dress is it about?', 'Bonjour ! De quelle robe s’agit-il ?') }, 11);
      agent({ body: text('These are the ones that came in this week:', 'Voici celles arrivées cette semaine :') }, 11);
      const items = ['Pink dress', 'Violet dress', 'Summer dress'].map((title) => ({
        title,
        subtitle: text('From 58 €, in all sizes', 'Dès 58 €, dans toutes les tailles'),
        url: 'https://shop.example/dress',
        attachment_url: `${shop.desk}/files/wide.png`,
        items: [{ type: 'reply' as const, title: text('This one', 'Celle-ci') }],
      }));
      agent({ structured_content: { type: 'carousel', items } }, 10);
      await page.reload();
      await page.locator('#dimelo_chat_window.ready').waitFor();
      await chat.locator('.fd-carousel img').nth(2).waitFor();
      await page.waitForTimeout(500);
      await shoot(page, 'chat-2-carousel');
      desk.add({ from: 'visitor', thread_id, body: text('The violet one, please 😍', 'La violette, s’il vous plaît 😍') }, minute(8));
      desk.add({
        from: 'visitor',
        thread_id,
        body: 'a.png',
        attachments: [{ id: 'f', name: 'a.png', content_type: 'image/png', size: 1, url: `${shop.desk}/files/wide.png`, width: 300, height: 180 }],
      }, minute(8));
      agent({ body: text('Lovely. Which size may it be? If you are unsure, here is our table: https://shop.example/sizes', 'Très bien. Quelle taille ? En cas de doute, voici notre guide : https://shop.example/tailles') }, 7);
      agent({ body: text('Your size:', 'Votre taille :'), structured_content: { type: 'select', items: ['XS', 'S', 'M', 'L', 'XL'].map((title) => ({ title })) } }, 0.2);
      desk.tell({ type: 'typing', thread_id, typing: true, screenname: 'Alicia' });
      await page.waitForTimeout(1500);
      desk.tell({ type: 'typing', thread_id, typing: true, screenname: 'Alicia' });
      await page.waitForTimeout(700);
      await shoot(page, 'chat-3-select');
      await chat.locator('.i-smile').click();
      await page.waitForTimeout(200);
      await shoot(page, 'chat-4-emoji');
      await chat.locator('.i-smile').click();
      await chat.locator('.back .control').click();
      await page.waitForTimeout(300);
      await shoot(page, 'chat-5-list');
      await chat.locator('header .control').last().click();
      desk.add({ from: 'agent', thread_id, body: 'x' });
      await page.waitForTimeout(500);
      await shoot(page, 'chat-6-minimised');
      desk.cut();
      await visitor.leave();
    });
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`states, ${colorScheme}`, async () => {
      shop.reset(await configure({ mode: 'chat', triggers: [{ id: 'a', label: 'A', actions: { show: 'open' } }] }));
      shop.pages.set('/', { head: STYLE, body: BODY });
      shop.pages.set('/seats', { title: 'Choose a seat', body: '<h1>Seats</h1>', end: `<script src="${shop.desk}/webview/sdk.js"></script>` });
      const desk = new Desk();
      desk.origin = shop.desk;
      desk.settings = settings({ mode: 'chat' });
      shop.answer = desk.answer;
      const visitor = await Visitor.come(browser, { viewport: { width: 460, height: 700 }, colorScheme });
      const page = await visitor.open(shop.site);
      const chat = page.frameLocator('#dimelo_chat_window');
      const shoot = async (name: string) => {
        await page.waitForTimeout(400);
        await page.screenshot({ path: `${folder}/state-${colorScheme}-${name}.png` });
      };
      const minute = (ago: number) => new Date(Date.now() - ago * 60_000);
      const { thread_id } = desk.add({ from: 'visitor', body: 'Hello!' }, minute(9));
      desk.tell({ type: 'queue', thread_id, state: 'queued', position: 2, estimated_wait_seconds: 100 });
      await page.reload();
      await chat.getByText('Hello!').waitFor();
      while (!desk.streams.size) await page.waitForTimeout(100);
      desk.tell({ type: 'queue', thread_id, state: 'queued', position: 2, estimated_wait_seconds: 100 });
      await shoot('queue');
      desk.add({ from: 'system', thread_id, notice: 'connection', values: { screenname: 'Alicia' } }, minute(5));
      const items = [
        { type: 'url' as const, title: 'Choose a seat', url: `${shop.site}/seats`, target: 'webview' as const, webview_height: 'tall' as const },
        { type: 'reply' as const, title: 'Later' },
      ];
      desk.add({ from: 'agent', thread_id, structured_content: { type: 'template', title: 'Your train', subtitle: 'Saturday, 8:12', attachment_url: `${shop.desk}/files/square.png`, items } }, minute(4));
      await shoot('template');
      await chat.getByRole('link', { name: 'Choose a seat' }).click();
      await chat.getByRole('dialog', { name: 'Choose a seat' }).waitFor();
      await shoot('webview');
      await page.keyboard.press('Escape');
      await chat.locator('.webview-header .control').click().catch(() => {});
      desk.add({ from: 'system', thread_id, notice: 'request_email' }, minute(3));
      desk.refuse = { status: 422, error: 'invalid' };
      await chat.getByRole('textbox', { name: 'Write your message here' }).fill('This one is refused');
      await page.keyboard.press('Enter');
      await chat.locator('input[type=file]').setInputFiles([{ name: 'virus.exe', mimeType: 'x/y', buffer: Buffer.from('MZ') }]);
      await chat.getByRole('button', { name: 'Send' }).first().click();
      await shoot('errors');
      desk.refuse = undefined;
      await chat.getByRole('button', { name: 'Quit' }).click();
      await shoot('confirm');
      await chat.getByRole('dialog').getByRole('button', { name: 'Quit' }).click();
      await shoot('end');
      desk.cut();
      await visitor.leave();
    });
  }

  test('embedded', async () => {
    shop.reset(await configure());
    const desk = new Desk();
    shop.answer = desk.answer;
    desk.add({ from: 'agent', thread_id: desk.add({ from: 'visitor', body: 'Hello' }).thread_id, body: 'Hello Vera, how can I help you?' });
    desk.add({ from: 'visitor', body: 'Another one' }, new Date(Date.now() - 9e8));
    const body = '<header><b>Purple Shop</b></header><div id="place" style="height:560px;margin:40px;border:1px solid #e8e4dd;border-radius:12px;overflow:hidden"></div>';
    const end = `<script>_chatq.push(['_setConfiguration', { embedded: true, parentNodeId: 'place' }]);</script>`;
    shop.pages.set('/', { head: `${STYLE}<script>var _chatq = _chatq || [];</script>`, body, end });
    const visitor = await Visitor.come(browser, { viewport: { width: 1100, height: 760 } });
    const page = await visitor.open(shop.site);
    await page.frameLocator('#dimelo_chat_window').getByText('Hello Vera').first().waitFor();
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${folder}/embedded.png` });
    desk.cut();
    await visitor.leave();
  });
});
