// A visitor and an agent, at once, over the real server.

import { expect, test } from 'vitest';
import { field, offer, OPEN, open, opened, said, story, writes } from './cast.ts';

open();

test('a visitor and an agent talk: both ways, typing, read', async () => {
  const { alicia, comes } = await story({ settings: { welcome_messages: ['Ask us anything.'] } });
  const hears = await alicia.listens();
  const { visitor, page, chat } = await comes();
  await chat.getByText('Ask us anything.').waitFor();
  await writes(chat, 'Where is my <b>order</b>?');
  const question = await alicia.finds('Where is my <b>order</b>?');
  const thread = question.thread_id as string;
  await field(chat).pressSequentially('It is');
  await expect.poll(() => hears.told.some(({ type, resource }) => type === 'typing.started' && resource.id === thread)).toBe(true);
  await alicia.types(thread);
  await chat.getByText('Alicia Agent is typing').waitFor();
  const answer = await alicia.answers(question, 'On its way: https://shop.example/track?id=1.');
  await chat.getByRole('link', { name: 'https://shop.example/track?id=1' }).waitFor();
  expect(await chat.getByText('Alicia Agent is typing').count()).toBe(0);
  // It was looked at, so it is read; the desk is told.
  await expect.poll(() => hears.told.some(({ type, resource }) => type === 'content.read' && resource.id === answer.id)).toBe(true);
  await expect.poll(() => hears.told.some(({ type }) => type === 'typing.stopped')).toBe(true);
  // What comes while the window is put away is counted and unread until it is opened.
  await chat.getByRole('button', { name: 'Minimize' }).click();
  await alicia.answers(question, 'Anything else?');
  await chat.locator('.launcher .badge').getByText('1').waitFor();
  await chat.getByRole('button', { name: /^Open the chat/ }).click();
  await chat.getByText('Anything else?').waitFor();
  await expect.poll(async () => (await alicia.ask('GET', `/content_threads/${thread}`)).contents_count).toBe(3);
  expect(await said(chat)).toEqual(['> Ask us anything.', 'Where is my <b>order</b>?', '> On its way: https://shop.example/track?id=1.', '> Anything else?']);
  // All of it over a socket, and with nobody else.
  expect(visitor.sockets).toHaveLength(1);
  expect(visitor.streams).toEqual([]);
  const { host } = new URL(page.url());
  expect(visitor.requests.filter((url) => ![host, new URL(visitor.sockets[0]!).host].includes(new URL(url).host))).toEqual([]);
  expect(visitor.errors).toEqual([]);
  expect(visitor.complaints).toEqual([]);
  hears.stop();
});

test('several tabs are in step, and the conversation goes on over pages', async () => {
  const { site, alicia, comes } = await story();
  site.pages['/cart'] = { title: 'Cart' };
  const { visitor, page, chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  const other = await visitor.open(`${site.url}/cart`);
  const there = await opened(other);
  await there.getByText('Hello').waitFor();
  await alicia.answers(question, 'Good morning');
  await Promise.all([chat, there].map((each) => each.getByText('Good morning').waitFor()));
  await writes(there, 'From the other tab');
  await chat.locator('.own').getByText('From the other tab').waitFor();
  // The page is changed while they talk.
  await page.goto(`${site.url}/cart`);
  const after = await opened(page);
  await after.getByText('From the other tab').waitFor();
  await alicia.answers(question, 'I see you in the cart');
  await Promise.all([after, there].map((each) => each.getByText('I see you in the cart').waitFor()));
  expect(await said(after)).toEqual(await said(there));
  expect(await alicia.bodies()).toEqual(['Hello', '> Good morning', 'From the other tab', '> I see you in the cart']);
  expect(visitor.errors).toEqual([]);
});

test('a window that opens by itself leaves the keyboard to the page, and one that was asked for takes it', async () => {
  const { desk, source, site, alicia, comes } = await story();
  const { records } = await desk.get(`/content_sources/${source.id}/catalog_items`);
  await desk.post(`/content_sources/${source.id}/triggers`, { label: 'Button', actions: { button: records[0].id } });
  site.pages['/'] = { body: '<input id="name" aria-label="Name" autofocus>' };
  const { page, chat } = await comes({ shown: false });
  const focused = () => page.evaluate(() => document.activeElement!.id);
  await page.getByRole('button', { name: 'Chat with us' }).click();
  await field(await opened(page)).waitFor();
  await expect.poll(focused).toBe('dimelo_chat_window');
  await page.keyboard.type('Hello');
  await page.keyboard.press('Enter');
  await alicia.finds('Hello');
  await page.reload();
  await (await opened(page)).getByText('Hello').waitFor();
  await field(chat).waitFor();
  expect(await focused()).toBe('name');
  await page.keyboard.type('Vera');
  expect(await page.getByLabel('Name').inputValue()).toBe('Vera');
});

test('a window that opens while somebody fills in the form of the page leaves the rest of their words to the form', async () => {
  const { desk, source, site, comes } = await story();
  // The chat comes with the first letter.
  const load = `document.head.append(Object.assign(document.createElement('script'), { src: '${desk.url}/chat/${source.token}/loader.js' }))`;
  site.pages['/'] = { bare: true, body: `<label>Name <input oninput="${load}; this.oninput = null"></label>` };
  const { page, visitor } = await comes({ shown: false });
  await offer(visitor, OPEN);
  const name = page.getByLabel('Name');
  await name.click();
  const words = 'Vera Maria Anna Visitor of Quimper';
  const typed = name.pressSequentially(words, { delay: 30 });
  await field(await opened(page)).waitFor();
  await typed;
  await page.keyboard.type('!');
  expect(await name.inputValue()).toBe(`${words}!`);
});

test('what is written and not sent is kept: put away, over pages, in another conversation', async () => {
  const { site, alicia, comes } = await story();
  site.pages['/cart'] = { title: 'Cart' };
  const { page, chat } = await comes();
  const holds = (text: string) => expect.poll(() => field(chat).inputValue()).toBe(text);
  await writes(chat, 'Hello');
  await field(chat).fill('Half a sent');
  await alicia.answers(await alicia.finds('Hello'), 'Good morning');
  await chat.getByText('Good morning').waitFor();
  await holds('Half a sent');
  await chat.getByRole('button', { name: 'Minimize' }).click();
  await chat.getByRole('button', { name: /^Open the chat/ }).click();
  await holds('Half a sent');
  await page.goto(`${site.url}/cart`);
  await opened(page);
  await holds('Half a sent');
  await chat.getByRole('button', { name: 'Conversations' }).click();
  await chat.getByRole('button', { name: 'New conversation' }).click();
  await holds('');
  await chat.getByRole('button', { name: 'Conversations' }).click();
  await chat.getByRole('listitem').getByRole('button').click();
  await field(chat).pressSequentially('ence');
  await field(chat).press('Enter');
  await alicia.finds('Half a sentence');
  await holds('');
});

test('the page does not move, whatever the chat does', async () => {
  const { site, alicia, comes } = await story();
  site.pages['/'] = { body: '<h1>Shop</h1><p>Text</p>'.repeat(30) };
  const { page, chat } = await comes();
  await page.evaluate(() => {
    const moved = { sum: 0 };
    Object.assign(window, { moved });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) moved.sum += (entry as unknown as { value: number }).value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const size = () => page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight, scrollY]);
  const before = await size();
  await writes(chat, 'Hello');
  await alicia.answers(await alicia.finds('Hello'), 'Good morning');
  await chat.getByText('Good morning').waitFor();
  await chat.getByRole('button', { name: 'Minimize' }).click();
  await chat.getByRole('button', { name: 'Open the chat' }).click();
  await chat.getByText('Good morning').waitFor();
  expect(await page.evaluate(() => (window as unknown as { moved: { sum: number } }).moved.sum)).toBe(0);
  expect(await size()).toEqual(before);
});
