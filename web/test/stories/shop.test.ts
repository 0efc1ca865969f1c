// The demo shop, as somebody walks through it.

import { expect, test } from 'vitest';
import { violations, Visitor } from '../browser.ts';
import { Agent, Frontdesk } from '../frontdesk.ts';
import { atTheEnd, browser, field, offer, OPEN, open, opened, writes } from './cast.ts';

open();

async function shop(): Promise<{ desk: Frontdesk; ada: Agent; enter: (path: string, options?: object) => ReturnType<typeof come> }> {
  const desk = await Frontdesk.start('--demo');
  atTheEnd(() => desk.stop());
  const { records } = await desk.get('/content_sources?extended=true');
  const source = records.find(({ name }: { name: string }) => name === 'Kettle shop website');
  const found = await desk.get('/users?email=ada@frontdesk.local');
  const { token } = await desk.post('/access_tokens', { label: 'test', user_id: found.records[0].id });
  return { desk, ada: new Agent(desk, { ...source, token: source.widget_token }, token), enter: (path, options = {}) => come(desk, path, options) };
}

async function come(desk: Frontdesk, path: string, options: object) {
  const visitor = await Visitor.come(browser, options);
  atTheEnd(() => visitor.leave());
  await offer(visitor, OPEN);
  return { visitor, page: await visitor.open(`${desk.url}/shop/${path}`) };
}

test('a customer buys a kettle, and asks on the way; the agent sees the cart', async () => {
  const { ada, enter } = await shop();
  const { visitor, page } = await enter('');
  await page.getByRole('link', { name: 'Kettles', exact: true }).click();
  await page.getByRole('link', { name: /Heron gooseneck/ }).click();
  const chat = await opened(page);
  await writes(chat, 'Does it fit my stove?');
  const question = await ada.finds('Does it fit my stove?');
  const { extra_data } = await ada.ask('GET', `/content_threads/${question.thread_id}`);
  expect(extra_data).toMatchObject({ custom_product: 'heron', page_title: 'Heron gooseneck · Kettle & Co.' });
  expect(Number(extra_data.custom_cart_amount)).toBe(0);
  await ada.answers(question, 'On every stove but induction.');
  await chat.getByText('On every stove but induction.').waitFor();
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await page.getByText('It is in your cart.').waitFor();
  await page.getByRole('link', { name: 'Cart 1' }).click();
  await page.getByText('Total').waitFor();
  await (await opened(page)).getByText('On every stove but induction.').waitFor();
  await page.getByRole('link', { name: 'Checkout' }).click();
  for (const [label, value] of [['Name', 'Vera'], ['Street', 'Quay 1'], ['Postcode', '29200'], ['Town', 'Brest']] as const) await page.getByLabel(label).fill(value);
  await page.getByRole('button', { name: 'Place the order' }).click();
  await page.getByRole('heading', { name: 'Thank you!' }).waitFor();
  await page.goto(`${new URL(page.url()).origin}/shop/cart`);
  await page.getByText('Your cart is empty.').waitFor();
  expect(visitor.errors).toEqual([]);
  expect(visitor.complaints).toEqual([]);
  expect(new Set(visitor.requests.map((url) => new URL(url).host)).size).toBe(1);
});

test('a customer who signs in finds the same conversation on the phone', async () => {
  const { ada, enter } = await shop();
  const { page } = await enter('account');
  await page.getByRole('button', { name: 'Sign in as Vera Visitor' }).click();
  await page.getByRole('heading', { name: 'Hello Vera' }).waitFor();
  await writes(await opened(page), 'Where is K-1042?');
  const question = await ada.finds('Where is K-1042?');
  const author = await ada.ask('GET', `/identities/${question.author_id}`);
  expect([author.uuid, author.firstname, author.email]).toEqual(['vera', 'Vera', 'vera@example.com']);
  const phone = await enter('account', { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, locale: 'fr-FR' });
  await phone.page.getByRole('button', { name: 'Se connecter en tant que Vera Visitor' }).evaluate((button) => void setTimeout(() => (button as HTMLElement).click()));
  await phone.page.getByRole('heading', { name: 'Bonjour Vera' }).waitFor();
  const chat = await opened(phone.page);
  await chat.getByText('Where is K-1042?').waitFor();
  await chat.getByRole('textbox', { name: 'Écrivez votre message ici' }).waitFor();
  await ada.answers(question, 'In Quimper, it comes tomorrow.');
  await Promise.all([page, phone.page].map((each) => each.frameLocator('#dimelo_chat_window').getByText('In Quimper, it comes tomorrow.').waitFor()));
});

test('the help page embeds the chat; axe finds nothing in the shop, and nothing of it moves', async () => {
  const { desk } = await shop();
  const visitor = await Visitor.come(browser);
  atTheEnd(() => visitor.leave());
  const page = await visitor.open(`${desk.url}/shop/`);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const path of ['', 'kettles', 'product/heron', 'cart', 'checkout', 'account', 'help']) {
      await page.goto(`${desk.url}/shop/${path}`);
      expect([path, await violations(page.mainFrame())]).toEqual([path, []]);
      const moved = await page.evaluate(
        () =>
          new Promise<number>((done) => {
            let sum = 0;
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) sum += (entry as unknown as { value: number }).value;
            }).observe({ type: 'layout-shift', buffered: true });
            setTimeout(() => done(sum), 300);
          }),
      );
      expect([path, moved]).toEqual([path, 0]);
    }
  }
  const chat = await opened(page);
  await field(chat).waitFor();
  await chat.getByText('Good day! Ask us about kettles').waitFor();
  expect(visitor.errors).toEqual([]);
}, 60_000);
