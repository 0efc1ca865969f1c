// Pictures for people to look at: SHOTS=dist/shots npx vitest run stories/screenshots. Without it, nothing is done here.

import { mkdir, readFile } from 'node:fs/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, test } from 'vitest';
import { Agent, Frontdesk } from '../frontdesk.ts';
import { Visitor } from '../browser.ts';
import { atTheEnd, browser, offer, OPEN, open, opened, story, writes } from './cast.ts';

const folder = process.env.SHOTS;

open();

const LOOKS: Record<string, BrowserContextOptions & { locale: string }> = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'en-GB' },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark', locale: 'en-GB' },
  french: { viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'fr-FR' },
  phone: { viewport: { width: 390, height: 780 }, colorScheme: 'light', locale: 'en-GB', deviceScaleFactor: 2, hasTouch: true, isMobile: true },
  'phone-dark': { viewport: { width: 390, height: 780 }, colorScheme: 'dark', locale: 'fr-FR', deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

describe.skipIf(!folder)('screenshots', () => {
  for (const [look, options] of Object.entries(LOOKS)) {
    test(`shop, ${look}`, async () => {
      await mkdir(folder!, { recursive: true });
      const desk = await Frontdesk.start('--demo');
      atTheEnd(() => desk.stop());
      const visitor = await Visitor.come(browser, options);
      atTheEnd(() => visitor.leave());
      const page: Page = await visitor.open(`${desk.url}/shop/`);
      const shoot = async (name: string) => {
        await page.waitForTimeout(500);
        await page.screenshot({ path: `${folder}/shop-${look}-${name}.png` });
      };
      await shoot('1-home');
      await page.goto(`${desk.url}/shop/kettles`);
      await shoot('2-kettles');
      await page.goto(`${desk.url}/shop/product/heron`);
      await page.locator('[data-add]').click();
      await shoot('3-product');
      await page.goto(`${desk.url}/shop/cart`);
      await shoot('4-cart');
      await page.goto(`${desk.url}/shop/checkout`);
      await shoot('5-checkout');
      await page.goto(`${desk.url}/shop/account`);
      await shoot('6-sign-in');
      await page.locator('button[value=vera]').click();
      await page.waitForURL('**/account');
      await shoot('7-account');
      await page.goto(`${desk.url}/shop/help`);
      await page.locator('#dimelo_chat_window.ready').waitFor();
      await shoot('8-help');
      // What the shop offers by itself: to a full cart that is looked at, and to whoever goes back from the checkout.
      await page.goto(`${desk.url}/shop/cart`);
      await page.locator('.dimelo_chat_invitation').waitFor({ timeout: 20_000 });
      await shoot('9-invitation');
      await page.evaluate(() => (window as unknown as { Dimelo: { Messaging: { Debug: { start(): void } } } }).Dimelo.Messaging.Debug.start());
      await page.locator('#dimelo_chat_debug').getByRole('button').nth(2).click();
      await shoot('10-toolbar');
      await page.locator('#dimelo_chat_debug').getByRole('button').last().click();
      await page.goto(`${desk.url}/shop/checkout`);
      await page.goto(`${desk.url}/shop/cart`);
      await page.locator('#dimelo_chat_window.ready.opened').waitFor();
      await shoot('11-back-from-the-checkout');
    }, 90_000);

    test(`chat, ${look}`, async () => {
      await mkdir(folder!, { recursive: true });
      const desk = await Frontdesk.start('--demo');
      atTheEnd(() => desk.stop());
      const { records } = await desk.get('/content_sources?extended=true');
      const source = records.find(({ name }: { name: string }) => name === 'Kettle shop website');
      const found = await desk.get('/users?email=ada@frontdesk.local');
      const { token } = await desk.post('/access_tokens', { label: 'test', user_id: found.records[0].id });
      const ada = new Agent(desk, { ...source, token: source.widget_token }, token);
      const visitor = await Visitor.come(browser, options);
      atTheEnd(() => visitor.leave());
      await offer(visitor, OPEN);
      const french = options.locale.startsWith('fr');
      const text = (english: string, other: string) => (french ? other : english);
      const page = await visitor.open(`${desk.url}/shop/product/heron`);
      const chat = await opened(page);
      const shoot = async (name: string) => {
        await page.mouse.move(5, 300);
        await page.waitForTimeout(600);
        await page.screenshot({ path: `${folder}/chat-${look}-${name}.png` });
      };
      const write = async (body: string) => {
        const field = chat.getByRole('textbox').last();
        await field.fill(body);
        await field.press('Enter');
        return ada.finds(body);
      };
      await chat.getByText('Good day!').waitFor();
      await shoot('1-welcome');
      const question = await write(text('Hello, does the Heron fit an induction stove?', 'Bonjour, le Héron va-t-il sur une plaque à induction ?'));
      await chat.locator('.email').waitFor();
      await shoot('2-asked-for-an-address');
      await chat.locator('.email input').fill('vera@example.com');
      await chat.locator('.email input').press('Enter');
      await ada.answers(question, text('Good day! The Heron does not, its bottom is too small. The Harbour does, and its whistle is kind.', 'Bonjour ! Le Héron non, son fond est trop petit. Le Port oui, et son sifflet est gentil.'));
      const upload = async (name: string, bytes: Uint8Array<ArrayBuffer>) => ada.uploads(name, bytes, 'image/png');
      const pictures: string[] = [];
      const drawer = await visitor.context.newPage();
      await drawer.setViewportSize({ width: 500, height: 300 });
      for (const id of ['harbour', 'nomad', 'comet']) {
        await drawer.goto(`${desk.url}/shop/product/${id}`);
        const art = await drawer.locator('.detail .picture').evaluate((element) => element.outerHTML);
        await drawer.evaluate((html) => {
          document.body.innerHTML = html;
          Object.assign((document.body.firstElementChild as HTMLElement).style, { width: '500px', height: '300px', borderRadius: '0' });
        }, art);
        pictures.push(await upload(`${id}.png`, new Uint8Array(await drawer.screenshot())));
      }
      await drawer.close();
      const items = [['Harbour kettle', 'Bouilloire Port', '58 €'], ['Nomad, for the road', 'Nomade, pour la route', '39 €'], ['Comet, electric', 'Comète, électrique', '74 €']].map(([title, autre, price], index) => ({
        title: french ? autre : title,
        subtitle: `${price}, ${text('in stock', 'en stock')}`,
        attachment_id: pictures[index],
        url: `${desk.url}/shop/product/${['harbour', 'nomad', 'comet'][index]}`,
        url_text: text('Look at it', 'Voir'),
        items: [{ type: 'reply', title: text('This one', 'Celle-ci'), payload: `${index}` }],
      }));
      await ada.answers(question, '', { structured_content: { type: 'carousel', items } });
      await chat.locator('.fd-carousel img').nth(1).waitFor();
      await shoot('3-carousel');
      await chat.getByRole('button', { name: text('This one', 'Celle-ci') }).first().click();
      await ada.finds(text('This one', 'Celle-ci'));
      await ada.answers(question, text('A good choice. Which colour?', 'Un bon choix. Quelle couleur ?'), {
        structured_content: { type: 'select', items: [text('Blue', 'Bleu'), text('Green', 'Vert'), text('Cream', 'Crème')].map((title, payload) => ({ title, payload: `${payload}` })) },
      });
      await chat.locator('.fd-select').waitFor();
      await ada.types(question.thread_id);
      await chat.locator('.typing').waitFor();
      await shoot('4-select');
      await chat.locator('input[type=file]').setInputFiles([
        { name: 'kitchen.png', mimeType: 'image/png', buffer: await readFile(new URL('../files/wide.png', import.meta.url)) },
        { name: 'plan.dwg', mimeType: 'x/y', buffer: Buffer.from('x') },
      ]);
      await chat.locator('.upload b').waitFor();
      await chat.locator('.own .picture').waitFor();
      await visitor.context.setOffline(true);
      await write(text('This is my kitchen', 'Voici ma cuisine')).catch(() => {});
      await chat.locator('.banner').waitFor();
      await page.waitForTimeout(1200);
      await shoot('5-offline-and-errors');
      await visitor.context.setOffline(false);
      await chat.locator('.upload .control').click();
      await chat.locator('.back .control, .list').first().click();
      await shoot('6-list');
      await page.goto(`${desk.url}/shop/kettles`);
      const there = await opened(page);
      await there.locator('header .control').last().click();
      await ada.answers(question, text('Anything else?', 'Autre chose ?'));
      await there.locator('.launcher .badge').waitFor();
      await shoot('7-put-away');
      if (look.startsWith('phone')) {
        await there.locator('.launcher').click();
        await page.evaluate(() => {
          Object.defineProperty(visualViewport, 'height', { get: () => 440 });
          visualViewport!.dispatchEvent(new Event('resize'));
        });
        await there.getByRole('textbox').last().focus();
        await shoot('8-keyboard');
      }
    }, 90_000);
  }

  for (const [look, options] of Object.entries({ 'arabic': { viewport: { width: 1280, height: 800 } }, 'arabic-phone': { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } })) {
    test(`from right to left, ${look}`, async () => {
      await mkdir(folder!, { recursive: true });
      const texts = { default_title: 'المتجر الأرجواني', input_placeholder: 'اكتب رسالتك هنا', welcome_messages: ['مرحبا، كيف يمكننا مساعدتك؟'], typing: '%{screenname} يكتب', control_new_title: 'محادثة جديدة', date: { ago_format: { now: 'الآن' } } };
      const { desk, source, site, alicia, comes } = await story({ settings: { translations: { ar: texts } } });
      const { records } = await desk.get(`/content_sources/${source.id}/catalog_items`);
      site.pages['/'] = { lang: 'ar', dir: 'rtl', title: 'متجر', head: '<style>body{margin:40px;font:18px/1.6 sans-serif}</style>', body: '<h1>متجر</h1><p>فساتين وأحذية لكل يوم.</p>' };
      await desk.post(`/content_sources/${source.id}/triggers`, { label: 'Button', actions: { button: records[0].id, invitation: records[2].id } });
      const offered = await comes({ ...options, shown: false });
      await offered.page.locator('.dimelo_chat_invitation').waitFor();
      await offered.page.waitForTimeout(500);
      await offered.page.screenshot({ path: `${folder}/${look}-1-items.png` });
      const { page, chat } = await comes(options);
      const shoot = async (name: string) => {
        await page.waitForTimeout(600);
        await page.screenshot({ path: `${folder}/${look}-${name}.png` });
      };
      const box = chat.getByRole('textbox').last();
      await box.fill('هل الفستان الأزرق متوفر؟');
      await box.press('Enter');
      const question = await alicia.finds('هل الفستان الأزرق متوفر؟');
      await alicia.answers(question, 'نعم، أي مقاس تريدين؟', { structured_content: { type: 'select', items: [{ title: 'صغير', payload: 's' }, { title: 'كبير', payload: 'l' }] } });
      await chat.locator('.fd-select').waitFor();
      await alicia.types(question.thread_id);
      await chat.locator('.typing').waitFor();
      await shoot('2-conversation');
      await chat.locator('.back .control').click();
      await shoot('3-list');
    }, 60_000);
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`live chat, ${colorScheme}`, async () => {
      const { desk, source, site, alicia, comes } = await story({ type: 'chat', settings: { translations: { en: { default_title: 'Purple Shop' } } } });
      await desk.post('/channels', { name: 'Chats', source_ids: [source.id] });
      site.pages['/'] = { head: '<style>body{margin:0;background:#888}</style>' };
      const { page, chat } = await comes({ viewport: { width: 440, height: 720 }, colorScheme });
      const shoot = async (name: string) => {
        await page.waitForTimeout(500);
        await page.screenshot({ path: `${folder}/live-${colorScheme}-${name}.png` });
      };
      await writes(chat, 'Hello, I cannot pay');
      const question = await alicia.finds('Hello, I cannot pay');
      await page.waitForTimeout(6000);
      await shoot('1-queue');
      const intervention = await alicia.ask('POST', '/interventions', { content_id: question.id });
      await alicia.answers(question, 'I am there. What does the page say?');
      await chat.getByText('I am there.').waitFor();
      await shoot('2-connected');
      await chat.getByRole('button', { name: 'Quit' }).click();
      await shoot('3-confirm');
      await chat.getByRole('button', { name: 'Cancel' }).click();
      await alicia.ask('PUT', `/interventions/${intervention.id}/close`);
      await chat.getByRole('button', { name: 'See the conversation' }).waitFor();
      await shoot('4-end');
      await chat.getByRole('button', { name: 'See the conversation' }).click();
      await shoot('5-seen-again');
      await page.emulateMedia({ media: 'print' });
      await page.evaluate(() => document.getElementById('dimelo_chat_window')!.style.setProperty('display', 'block', 'important'));
      await shoot('6-printed');
    }, 60_000);
  }
});
