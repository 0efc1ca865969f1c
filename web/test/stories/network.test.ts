// Networks that fail, servers that are killed: nothing is lost, and nothing is doubled.

import { expect, test } from 'vitest';
import { open, opened, said, story, writes } from './cast.ts';

open();

const OFFLINE = 'You are offline. Your messages are sent as soon as you are back.';

test('a network that is cut and comes back', async () => {
  const { alicia, comes, relay } = await story({ relayed: true });
  const { visitor, chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  await expect.poll(() => visitor.sockets.length).toBe(1);
  // Both at once: the browser knows that it is offline, and what was open is cut.
  await visitor.context.setOffline(true);
  relay.cut();
  for (const text of ['one', 'two', 'three']) await writes(chat, text);
  await alicia.answers(question, 'Are you still there?');
  await chat.getByText(OFFLINE).waitFor();
  expect(await chat.locator('.message.sending').count()).toBe(3);
  await visitor.context.setOffline(false);
  relay.mend();
  await expect.poll(() => chat.locator('.message.sending').count(), { timeout: 20_000 }).toBe(0);
  await chat.getByText('Are you still there?').waitFor();
  await expect.poll(() => chat.getByText(OFFLINE).count()).toBe(0);
  expect(await alicia.bodies()).toEqual(['Hello', '> Are you still there?', 'one', 'two', 'three']);
  expect(await said(chat)).toEqual(['Hello', '> Are you still there?', 'one', 'two', 'three']);
  // It is a socket again.
  await alicia.answers(question, 'Good');
  await chat.getByText('Good', { exact: true }).waitFor();
  expect(visitor.sockets.length).toBeGreaterThan(1);
});

test('a server that is killed in the midst of it, and starts again', async () => {
  const { desk, alicia, comes } = await story();
  const { page, chat } = await comes();
  await writes(chat, 'before');
  await alicia.finds('before');
  const written = ['before'];
  for (let round = 0; round < 3; round++) {
    const texts = [1, 2, 3].map((number) => `${round}.${number}`);
    const dying = round % 2 ? desk.kill() : undefined;
    for (const text of texts) await writes(chat, text);
    await (dying ?? desk.kill());
    await writes(chat, `${round}.4`);
    written.push(...texts, `${round}.4`);
    await desk.again();
    await expect.poll(() => chat.locator('.message.sending, .message.failed').count(), { timeout: 25_000 }).toBe(0);
  }
  expect(await alicia.bodies()).toEqual(written);
  expect(await said(chat)).toEqual(written);
  await alicia.answers(await alicia.finds('2.4'), 'after');
  await chat.getByText('after').waitFor({ timeout: 20_000 });
  // A page that comes later sees the same.
  await page.reload();
  await (await opened(page)).getByText('after').waitFor();
  expect(await said(chat)).toEqual([...written, '> after']);
}, 60_000);

test('what was written offline is kept over pages, and sent once', async () => {
  const { site, alicia, comes, relay } = await story({ relayed: true });
  site.pages['/other'] = { title: 'Other' };
  const { page, chat } = await comes();
  await writes(chat, 'Hello');
  await alicia.finds('Hello');
  // It arrives, and nobody hears that it has.
  relay.losesAnswers = ({ method, url }) => method === 'POST' && url!.endsWith('/contents');
  await writes(chat, 'Kept');
  await chat.locator('.own').getByText('Kept').waitFor();
  await alicia.finds('Kept');
  const waits = () => page.evaluate(() => Object.keys(localStorage).some((key) => key.endsWith('.waiting')));
  await expect.poll(waits).toBe(true);
  await page.goto(`${site.url}/other`);
  const there = await opened(page);
  relay.mend();
  await expect.poll(waits, { timeout: 20_000 }).toBe(false);
  expect(await alicia.bodies()).toEqual(['Hello', 'Kept']);
  expect(await said(there)).toEqual(['Hello', 'Kept']);
});

test('where no socket gets through, a plain stream does', async () => {
  const { alicia, comes, relay } = await story({ relayed: true });
  relay.refusesSockets = true;
  const { visitor, chat } = await comes();
  await writes(chat, 'Hello');
  await expect.poll(() => visitor.streams.length, { timeout: 20_000 }).toBe(1);
  await alicia.answers(await alicia.finds('Hello'), 'Good morning');
  await chat.getByText('Good morning').waitFor();
});
