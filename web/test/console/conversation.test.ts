// Working on conversations over the real server, alone and together.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { Desk, lines, names, open, talk } from './cast.ts';

open();

const field = (page: Page) => page.getByRole('textbox', { name: /^Reply to/ });
const at = (thread: Record<string, any>) => ({ path: `/inbox/all/${thread.id}` });

test('an answer can be taken back for a moment, then it is sent, and the conversation is one’s own', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const ada = await desk.hires('Ada');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(ada.token, at(thread));
  await talk(page).getByText('Where is my kettle?').waitFor();
  await page.keyboard.press('r');
  await page.keyboard.type('On its way.');
  await page.keyboard.press('Control+Enter');
  await talk(page).locator('[data-outgoing]').getByText('On its way.').waitFor();
  await talk(page).getByRole('button', { name: 'Undo' }).click();
  expect(await field(page).inputValue()).toBe('On its way.');
  expect((await desk.thread('a')).contents_count).toBe(1);
  await field(page).press('End');
  await page.keyboard.type(' It arrives tomorrow.');
  await page.keyboard.press('Control+Enter');
  await expect.poll(async () => (await desk.thread('a')).contents_count, { timeout: 15_000 }).toBe(2);
  const { last_content, intervention } = await desk.thread('a');
  expect([last_content.excerpt, last_content.creator_id, intervention.user_id]).toEqual(['On its way. It arrives tomorrow.', ada.id, ada.id]);
  await talk(page).locator('.message.ours:not([data-outgoing])').getByText('It arrives tomorrow.').waitFor();
  expect(await field(page).inputValue()).toBe('');
  await page.getByRole('link', { name: /^Mine/ }).click();
  await expect.poll(() => names(page)).toEqual(['Vera Visitor']);
  expect(agent.errors).toEqual([]);
});

test('a draft outlives a reload and stays with its conversation', async () => {
  const desk = await Desk.opens();
  await desk.says('Ann One', 'a', 'First');
  await desk.says('Ben Two', 'b', 'Second');
  const { page } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  await field(page).fill('Half a sent');
  await page.reload();
  await expect.poll(() => field(page).inputValue()).toBe('Half a sent');
  await lines(page).getByText('Ben Two').click();
  await talk(page).getByText('Second').waitFor();
  expect(await field(page).inputValue()).toBe('');
  await lines(page).getByText('Ann One').click();
  await expect.poll(() => field(page).inputValue()).toBe('Half a sent');
});

test('two agents work on one customer: each sees what the other does, and what the customer types', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const [ada, ben] = [await desk.hires('Ada'), await desk.hires('Ben')];
  const thread = await desk.thread('a');
  const [{ page: hers }, { page: his }] = await Promise.all([desk.sits(ada.token, at(thread)), desk.sits(ben.token, at(thread))]);
  await Promise.all([hers, his].map((page) => talk(page).getByText('Where is my kettle?').waitFor()));
  await hers.keyboard.press('e');
  await talk(his).getByRole('button', { name: 'Colleague' }).or(talk(his).getByTitle(/^Assigned to/)).first().waitFor();
  await hers.keyboard.press('c');
  await hers.keyboard.type('I ask the courier.');
  await hers.keyboard.press('Control+Enter');
  await talk(his).locator('.note').getByText('I ask the courier.').waitFor();
  await desk.says('Vera Visitor', 'a', 'Are you there?');
  await Promise.all([hers, his].map((page) => talk(page).getByText('Are you there?').waitFor()));
  await ben.ask('POST', '/contents', { in_reply_to_id: (await desk.thread('a')).last_content.id, body: 'We are.' });
  await talk(hers).locator('.ours').getByText('We are.').waitFor();
});

test('a conversation is taken, categorised, deferred, brought back, answered and closed', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  const topic = await server.post('/categories', { name: 'Topic', unselectable: true });
  const refund = await server.post('/categories', { name: 'Refund', parent_id: topic.id });
  await desk.says('Vera Visitor', 'a', 'Money back, please');
  const thread = await desk.thread('a');
  const { page } = await desk.sits(server.token, at(thread));
  await talk(page).getByText('Money back, please').waitFor();
  await page.keyboard.press('e');
  await talk(page).getByRole('button', { name: 'Close', exact: true }).waitFor();
  await page.keyboard.press('l');
  await page.getByRole('combobox', { name: 'Categories' }).fill('ref');
  await page.getByRole('option', { name: 'Topic › Refund' }).waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await desk.thread('a')).thread_category_ids).toEqual([refund.id]);
  await page.keyboard.press('Escape');
  await page.getByRole('combobox', { name: /^Categories/ }).waitFor({ state: 'detached' });
  await page.keyboard.press('d');
  await page.getByRole('option', { name: /^Tomorrow morning/ }).click();
  await expect.poll(async () => !!(await desk.thread('a')).intervention.deferred_at).toBe(true);
  await page.getByRole('link', { name: /^Deferred/ }).click();
  await expect.poll(() => names(page)).toEqual(['Vera Visitor']);
  await lines(page).getByText('Vera Visitor').click();
  await page.getByRole('button', { name: /^until/ }).click();
  await page.getByRole('option', { name: 'Bring back' }).click();
  await expect.poll(async () => (await desk.thread('a')).intervention.deferred_at).toBeNull();
  // Nobody has answered yet: it cannot be closed, and says why.
  await talk(page).getByRole('button', { name: 'Close', exact: true }).click();
  await page.locator('.toast.bad').waitFor();
  expect((await desk.thread('a')).intervention.closed_at).toBeNull();
  await server.post('/contents', { in_reply_to_id: thread.last_content.id, body: 'Done.' });
  // How it ended has to be said: one is asked, and with that it is closed.
  const outcome = await server.post('/categories', { name: 'Outcome', unselectable: true, mandatory: true, post_qualification: true });
  const solved = await server.post('/categories', { name: 'Solved', parent_id: outcome.id });
  await page.getByRole('link', { name: /^Mine/ }).click();
  await lines(page).getByText('Vera Visitor').click();
  await talk(page).getByText('Done.').waitFor();
  await page.keyboard.press('f');
  await page.getByRole('option', { name: 'Outcome › Solved' }).click();
  await expect.poll(() => names(page)).toEqual([]);
  await expect.poll(async () => !!(await desk.thread('a')).intervention.closed_at, { timeout: 15_000 }).toBe(true);
  expect((await desk.thread('a')).category_ids).toContain(solved.id);
});

test('it is given to a colleague, who has it at once', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Hello');
  const ada = await desk.hires('Ada');
  const { page } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  const { page: hers } = await desk.sits(ada.token, { path: '/inbox/mine' });
  await hers.getByText('Nothing is yours right now').waitFor();
  await talk(page).getByText('Hello').waitFor();
  await page.keyboard.press('a');
  await page.getByRole('combobox', { name: /^Assign/ }).fill('ada');
  await page.keyboard.press('Enter');
  await expect.poll(() => names(hers)).toEqual(['Vera Visitor']);
  await page.getByText('Assigned to Ada Agent').first().waitFor();
});

test('a letter runs nothing and loads nothing from elsewhere until its pictures are asked for', async () => {
  const seen: string[] = [];
  const square = await readFile(new URL('../files/square.png', import.meta.url));
  const elsewhere = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.writeHead(200, { 'Content-Type': 'image/png' }).end(square);
  });
  await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  const desk = await Desk.opens();
  const body = `<table><tr><td>Hello <a href="https://shop.example/">shop</a></td></tr></table><img src="${url}/pixel.png"><script>top.document.title='taken'</script><img src="x" onerror="top.document.title='taken'"><style>@import url(${url}/style.css)</style>`;
  await desk.says('Mallory', 'a', body, { format: 'html' });
  const { page } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  const letter = page.frameLocator('iframe');
  await letter.getByText('Hello').waitFor();
  await page.getByText('Pictures of other sites are not loaded').waitFor();
  expect(await page.title()).not.toBe('taken');
  expect(seen).toEqual([]);
  expect(await letter.locator('a').getAttribute('rel')).toContain('noopener');
  // What was asked for in so many words is loaded. Only over https, or from this machine, as browsers treat it.
  await page.getByRole('button', { name: 'Show pictures' }).click();
  await letter.locator('html[data-pictures]').waitFor();
  elsewhere.close();
});

test('files are attached, arrive, and pictures of customers are shown', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'See this');
  const { page } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  await talk(page).getByText('See this').waitFor();
  const square = await readFile(new URL('../files/square.png', import.meta.url));
  await page.locator('.composer input[type=file]').setInputFiles([
    { name: 'square.png', mimeType: 'image/png', buffer: square },
    { name: 'terms.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4 not really') },
  ]);
  await page.getByRole('button', { name: 'Remove terms.pdf' }).waitFor();
  await field(page).fill('Here you are');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await talk(page).getByRole('img', { name: 'Picture square.png' }).waitFor({ timeout: 20_000 });
  expect(await talk(page).getByRole('img', { name: 'Picture square.png' }).evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
  const saved = page.waitForEvent('download');
  await talk(page).getByRole('button', { name: 'Download terms.pdf' }).click();
  expect((await saved).suggestedFilename()).toBe('terms.pdf');
});

test('a right that is taken away takes what it showed along', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'A secret');
  const ada = await desk.hires('Ada');
  const { page } = await desk.sits(ada.token, at(await desk.thread('a')));
  await talk(page).getByText('A secret').waitFor();
  await desk.server.put(`/users/${ada.id}/sources_permissions`, { [desk.source.id]: '' });
  await page.getByText('There is no such page').waitFor();
  await expect.poll(() => names(page)).toEqual([]);
});

test('the card knows the customer, their person and their other conversations', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'First question');
  await desk.says('Vera Visitor', 'b', 'Second question');
  const thread = await desk.thread('a');
  await desk.server.put(`/identities/${thread.customer.id}/identity_group`, { company: 'Kettles Ltd', notes: 'Prefers letters', emails: ['vera@work.example'] });
  const { page } = await desk.sits(desk.server.token, at(thread));
  const card = page.getByRole('complementary', { name: 'Customer' });
  for (const known of ['Kettles Ltd', 'Prefers letters', 'vera@work.example']) await card.getByText(known).waitFor();
  await card.getByRole('link', { name: /Second question/ }).click();
  await talk(page).getByText('Second question').waitFor();
});

test('an answer that needs approval waits in its folder until somebody else decides', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'May I have a refund?');
  const ada = await desk.hires('Ada', 'read,reply,approval_required');
  const thread = await desk.thread('a');
  for (const body of ['Never.', 'Of course.']) await ada.ask('POST', '/contents', { in_reply_to_id: thread.last_content.id, body });
  const { page } = await desk.sits(desk.server.token);
  await page.getByRole('link', { name: /^To approve/ }).click();
  await lines(page).getByText('Vera Visitor').click();
  const answer = (body: string) => talk(page).locator('.message.ours', { hasText: body });
  await answer('Of course.').getByRole('button', { name: 'Approve' }).click();
  await answer('Of course.').getByText('Waits for approval').waitFor({ state: 'detached' });
  await answer('Never.').getByRole('button', { name: 'Refuse' }).click();
  await page.getByRole('textbox', { name: 'Why it is refused' }).fill('We are not like that.');
  await page.keyboard.press('Enter');
  await answer('Never.').getByText('Waits for approval').waitFor({ state: 'detached' });
  const { records } = await desk.server.get(`/contents?q=${encodeURIComponent(`thread:${thread.id} order:created_at.asc`)}`);
  expect(records.map(({ body, approval_required }: Record<string, unknown>) => [body, approval_required])).toContainEqual(['Of course.', false]);
  await page.getByRole('link', { name: /^All open/ }).click();
  await page.getByRole('link', { name: /^To approve/ }).waitFor({ state: 'detached' });
});

test('a conversation is archived alone, and back when its customer writes; it is deleted only by who says so twice', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Win a million');
  await desk.says('Marc Martin', 'b', 'Where is my kettle?');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(desk.server.token, { path: `/inbox/waiting/${thread.id}` });
  await talk(page).getByText('Win a million').waitFor();
  await page.keyboard.press('i');
  await expect.poll(() => names(page)).toEqual(['Marc Martin']);
  const status = async () => (await desk.thread('a')).last_content.status;
  // Until then it can be undone; it is done when the page goes, too.
  expect(await status()).toBe('new');
  await page.keyboard.press('z');
  await expect.poll(() => names(page)).toEqual(['Marc Martin', 'Vera Visitor']);
  expect(await status()).toBe('new');
  await lines(page).getByText('Win a million').click();
  await talk(page).getByText('Win a million').waitFor();
  await page.keyboard.press('i');
  await expect.poll(status, { timeout: 15_000 }).toBe('ignored');
  await page.getByRole('link', { name: /^Everything/ }).click();
  await lines(page).filter({ hasText: 'Vera Visitor' }).getByText('Archived').waitFor();
  await desk.says('Vera Visitor', 'a', 'No, really');
  await page.getByRole('link', { name: /^Unassigned/ }).click();
  await lines(page).getByText('No, really').click();

  const removes = async () => {
    await talk(page).getByRole('button', { name: 'More' }).click();
    await page.getByRole('option', { name: 'Delete the conversation' }).click();
  };
  page.once('dialog', (dialog) => void dialog.dismiss());
  await removes();
  await talk(page).getByText('No, really').waitFor();
  page.once('dialog', (dialog) => void dialog.accept());
  await removes();
  await page.getByText('The conversation is deleted').waitFor();
  await expect.poll(() => names(page)).toEqual(['Marc Martin']);
  expect((await desk.server.get('/content_threads')).count).toBe(1);
  expect(agent.errors).toEqual([]);
});

test('a message alone is about something, and what it says is erased', async () => {
  const desk = await Desk.opens();
  const topic = await desk.server.post('/categories', { name: 'Topic' });
  const kettles = await desk.server.post('/categories', { name: 'Kettles', parent_id: topic.id });
  await desk.says('Vera Visitor', 'a', 'My card is 4970 1234');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(desk.server.token, at(thread));
  const message = page.getByRole('article', { name: /^Vera Visitor/ });
  const does = async (what: string) => {
    await message.hover();
    await message.getByRole('button', { name: 'What can be done with this message' }).click();
    await page.getByRole('option', { name: what, exact: true }).click();
  };
  await does('Categories');
  await page.getByRole('option', { name: 'Topic › Kettles' }).click();
  await message.locator('.badge').getByText('Topic › Kettles').waitFor();
  await page.keyboard.press('Escape');
  const content = () => desk.server.get(`/contents/${thread.last_content.id}`);
  expect((await content()).category_ids).toEqual([kettles.id]);
  expect((await desk.thread('a')).thread_category_ids).toEqual([]);
  page.once('dialog', (dialog) => void dialog.accept());
  await does('Erase what it says');
  await talk(page).getByText('4970').waitFor({ state: 'detached' });
  expect((await content()).body).not.toContain('4970');
  expect(agent.errors).toEqual([]);
});
