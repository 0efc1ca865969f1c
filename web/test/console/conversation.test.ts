// Working on conversations over the real server, alone and together.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, lines, names, open, talk } from './cast.ts';
import { fake } from './fake.ts';

open();

let opened: { close: () => unknown }[] = [];
afterEach(() => {
  for (const one of opened) one.close();
  opened = [];
});

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

test('the first answer closes the conversation with it, by a key that the list of keys knows', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Thank you!');
  const { page, agent } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  await talk(page).getByText('Thank you!').waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Send and close').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('r');
  await page.keyboard.type('You are welcome.');
  await page.keyboard.press('Control+Shift+Enter');
  await expect.poll(async () => !!(await desk.thread('a')).intervention?.closed_at).toBe(true);
  expect((await desk.thread('a')).last_content.excerpt).toBe('You are welcome.');
  expect(agent.errors).toEqual([]);
});

test('what a customer writes while a conversation is being closed or archived keeps it open, and is told', async () => {
  const desk = await Desk.opens();
  const ada = await desk.hires('Ada');
  await desk.says('Vera Visitor', 'a', 'It leaks.');
  await desk.says('Marc', 'b', 'Spam?');
  const content = (await desk.server.get('/contents?q=It leaks')).records[0];
  await ada.ask('POST', '/contents', { in_reply_to_id: content.id, body: 'Turn it off, please.' });
  const { page, agent } = await desk.sits(ada.token, { ...at(await desk.thread('a')), relayed: true });
  await talk(page).getByText('Turn it off, please.').waitFor();
  await page.keyboard.press('f');
  await page.getByText('Closed', { exact: true }).waitFor();
  await desk.says('Vera Visitor', 'a', 'There is no switch!');
  const told = page.getByRole('status').filter({ hasText: 'Vera Visitor wrote meanwhile' });
  await told.waitFor();
  // Nothing is left to undo: it did not happen, and it is read at once.
  expect(await page.locator('.toast').getByRole('button', { name: 'Undo' }).count()).toBe(0);
  await told.getByRole('button', { name: 'Open' }).click();
  await talk(page).getByText('There is no switch!').waitFor();
  expect((await desk.thread('a')).intervention.closed_at).toBe(null);
  // Of two that are archived together the other one goes.
  const relayed = `http://desk.localhost:${desk.network.port}`;
  await page.goto(`${relayed}/inbox/all`);
  for (const line of [0, 1]) await lines(page).nth(line).getByRole('checkbox').check({ force: true });
  await page.keyboard.press('i');
  await page.getByText('2 archived').waitFor();
  await desk.says('Vera Visitor', 'a', 'And it is hot.');
  await told.waitFor();
  await expect.poll(async () => (await desk.thread('b')).last_content.status, { timeout: 15_000 }).toBe('ignored');
  expect((await desk.thread('a')).last_content.status).toBe('assigned');
  // What comes while the request is on its way, the server knows.
  await page.goto(`${relayed}/inbox/all/${(await desk.thread('a')).id}`);
  await talk(page).getByText('And it is hot.').waitFor();
  let passes = () => {};
  desk.network.holds = new Promise<void>((done) => (passes = done));
  const asked = page.waitForRequest(/\/close$/);
  await page.keyboard.press('f');
  await asked;
  await desk.says('Vera Visitor', 'a', 'And it smokes.');
  passes();
  await told.waitFor();
  expect((await desk.thread('a')).intervention.closed_at).toBe(null);
  expect(agent.errors).toEqual([]);
});

test('what a customer writes under an answer that closes the conversation keeps it open', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Thank you!');
  const { page, agent } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  await talk(page).getByText('Thank you!').waitFor();
  await page.keyboard.press('r');
  await page.keyboard.type('You are welcome.');
  await page.keyboard.press('Control+Shift+Enter');
  await talk(page).locator('[data-outgoing]').waitFor();
  await desk.says('Vera Visitor', 'a', 'One thing more:');
  await page.getByRole('status').getByText('Vera Visitor wrote meanwhile').waitFor();
  const { last_content, intervention } = await desk.thread('a');
  expect([last_content.excerpt, intervention.closed_at]).toEqual(['You are welcome.', null]);
  expect(agent.errors).toEqual([]);
});

test('who closes with their answer says how it ended where that has to be said, as by the button', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  const root = (name: string) => server.post('/categories', { name, unselectable: true, mandatory: true, post_qualification: true });
  const [outcome, mood] = [await root('Outcome'), await root('Mood')];
  const solved = await server.post('/categories', { name: 'Solved', parent_id: outcome.id });
  const glad = await server.post('/categories', { name: 'Glad', parent_id: mood.id });
  await desk.says('Vera Visitor', 'a', 'Thank you!');
  const { page, agent } = await desk.sits(server.token, at(await desk.thread('a')));
  await talk(page).getByText('Thank you!').waitFor();
  await page.keyboard.press('r');
  await page.keyboard.type('You are welcome.');
  await page.keyboard.press('Control+Shift+Enter');
  const asked = page.getByRole('combobox', { name: 'How did it end?' });
  await asked.waitFor();
  // Nothing goes out before it is said.
  await page.keyboard.press('Escape');
  await asked.waitFor({ state: 'detached' });
  await expect.poll(() => field(page).evaluate((element) => element === document.activeElement)).toBe(true);
  expect([await field(page).inputValue(), await talk(page).locator('[data-outgoing]').count()]).toEqual(['You are welcome.', 0]);
  await page.keyboard.press('Control+Shift+Enter');
  await asked.fill('solv');
  await page.keyboard.press('Enter');
  // One more has to be said.
  await page.getByRole('option', { name: 'Mood › Glad' }).waitFor();
  await expect.poll(() => asked.inputValue()).toBe('');
  await asked.fill('glad');
  await page.keyboard.press('Enter');
  await talk(page).locator('[data-outgoing]').getByText('You are welcome.').waitFor();
  await expect.poll(async () => !!(await desk.thread('a')).intervention?.closed_at).toBe(true);
  const thread = await desk.thread('a');
  expect(thread.last_content.excerpt).toBe('You are welcome.');
  expect((await server.get(`/interventions/${thread.intervention.id}`)).category_ids.toSorted()).toEqual([solved.id, glad.id].toSorted());
  expect(agent.errors).toEqual([]);
});

test('a review shows its stars, and whoever answers it knows that everybody reads that', async () => {
  const { url, flags } = await fake(opened, 'facebook');
  const desk = await Desk.opens(...flags);
  const community = await desk.server.post('/communities', { type: 'facebook', name: 'Guests' });
  const source = await desk.server.post('/content_sources', { type: 'facebook', name: 'Our page', community_id: community.id, active: true, facebook_page_id: '100078', facebook_app_id: '77', facebook_app_secret: 'secret-100078', facebook_page_token: 'page-100078' });
  const asks = (method: string, path: string, body: unknown) => fetch(`${url}/_fake/pages/100078${path}`, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  await asks('PUT', '', { callback: `http://127.0.0.1:${desk.server.port}/channels/facebook/${source.id}`, secret: 'secret-100078', app_id: '77' });
  const value = { item: 'rating', verb: 'add', reviewer_id: 901, reviewer_name: 'Rita', review_text: 'Fine kettles', open_graph_story_id: '78', rating: 4 };
  const told = await asks('POST', '/events', { bodies: [{ object: 'page', entry: [{ id: '100078', time: 1, changes: [{ field: 'ratings', value }] }] }] });
  expect(await told.json()).toMatchObject({ statuses: [200] });
  const { page, agent } = await desk.sits(desk.server.token, { path: '/inbox/all' });
  await lines(page).getByText('Rita').click();
  await talk(page).getByText('4/5 Fine kettles').waitFor();
  expect(await talk(page).getByRole('img', { name: 'Rated 4 out of 5' }).innerText()).toBe('★★★★★');
  expect(await talk(page).getByRole('img', { name: 'Rated 4 out of 5' }).locator('span').innerText()).toBe('★');
  expect(await page.getByRole('button', { name: 'Private' }).count()).toBe(0);
  await field(page).fill('We are glad to hear that.');
  await field(page).press('Control+Enter');
  const answer = async () => (await desk.server.get(`/contents?q=${encodeURIComponent(`source:${source.id}`)}`)).records.find(({ creator_id }: Record<string, unknown>) => creator_id);
  await expect.poll(async () => (await answer())?.synchronization_status).toBe('success');
  expect(await answer()).toMatchObject({ type: 'comment', private_message: false, body: 'We are glad to hear that.' });
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('an answer is sent until the server has it, and the customer gets it once, also when it was taken back meanwhile', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const { page } = await desk.sits(desk.server.token, { ...at(await desk.thread('a')), relayed: true });
  const outgoing = talk(page).locator('[data-outgoing]');
  const arrived = (body: string) => talk(page).locator('.ours:not([data-outgoing])').getByText(body);
  const isAnswer = ({ method, url }: { method?: string | undefined; url?: string | undefined }) => method === 'POST' && !!url?.startsWith('/1.0/contents?');
  await talk(page).getByText('Where is my kettle?').waitFor();
  desk.network.losesAnswers = isAnswer;
  await field(page).fill('On its way.');
  await page.keyboard.press('Control+Enter');
  await outgoing.getByText('Nobody answers; sent again by itself').waitFor();
  desk.network.mend();
  await outgoing.waitFor({ state: 'detached' });
  await arrived('On its way.').waitFor();
  desk.network.losesAnswers = isAnswer;
  await field(page).fill('It comes tomorrow.');
  await page.keyboard.press('Control+Enter');
  await outgoing.getByText('Nobody answers; sent again by itself').waitFor();
  await outgoing.getByRole('button', { name: 'Undo' }).click();
  expect(await field(page).inputValue()).toBe('It comes tomorrow.');
  desk.network.mend();
  await page.keyboard.press('Control+Enter');
  await outgoing.waitFor();
  await outgoing.waitFor({ state: 'detached' });
  await arrived('It comes tomorrow.').waitFor();
  const { records } = await desk.server.get('/contents');
  expect(records.map(({ body }: Record<string, string>) => body).sort()).toEqual(['It comes tomorrow.', 'On its way.', 'Where is my kettle?']);
});

test('who leaves the page has sent and archived what waited', async () => {
  const desk = await Desk.opens();
  for (const thread of ['a', 'b', 'c']) await desk.says(`Author ${thread}`, thread, 'Hello');
  const answered = at(await desk.thread('c'));
  const { page } = await desk.sits(desk.server.token, { ...answered, relayed: true });
  await talk(page).getByText('Hello').waitFor();
  for (const thread of ['a', 'b']) await page.getByRole('checkbox', { name: `Select the conversation with Author ${thread}` }).check();
  await field(page).fill('Good day.');
  await page.keyboard.press('Control+Enter');
  await page.keyboard.press('Escape');
  await page.getByRole('toolbar', { name: '2 selected' }).getByRole('button', { name: 'Archive' }).click();
  await page.getByText('2 archived').waitFor();
  let goOn = () => {};
  desk.network.holds = new Promise<void>((done) => (goOn = done));
  const here = page.url();
  await page.goto('about:blank');
  // The network is slower than the page is gone.
  await fetch(`http://127.0.0.1:${desk.network.port}/health`);
  goOn();
  for (const thread of ['a', 'b']) await expect.poll(async () => (await desk.thread(thread)).last_content.status).toBe('ignored');
  await expect.poll(async () => (await desk.thread('c')).contents_count).toBe(2);
  // Nobody has told the page that it was sent. The same words, sent again, are the same answer.
  desk.network.mend();
  await page.goto(here);
  await talk(page).getByText('Hello').waitFor();
  await expect.poll(() => field(page).inputValue()).toBe('Good day.');
  await field(page).focus();
  await page.keyboard.press('Control+Enter');
  await talk(page).locator('[data-outgoing]').waitFor();
  await talk(page).locator('[data-outgoing]').waitFor({ state: 'detached' });
  await expect.poll(() => field(page).inputValue()).toBe('');
  expect((await desk.thread('c')).contents_count).toBe(2);
});

test('who signs out has done what waited, and the next one at this desk finds none of it', async () => {
  const desk = await Desk.opens();
  for (const thread of ['a', 'b']) await desk.says(`Author ${thread}`, thread, 'Hello');
  const [ada, ben] = [await desk.hires('Ada'), await desk.hires('Ben')];
  const thread = await desk.thread('a');
  const { page } = await desk.sits(ada.token, at(thread));
  await talk(page).getByText('Hello').waitFor();
  await field(page).fill('Good day.');
  await page.keyboard.press('Control+Enter');
  await field(page).fill('Half a sent');
  await page.keyboard.press('Escape');
  await page.getByRole('checkbox', { name: 'Select the conversation with Author b' }).check();
  await page.keyboard.press('i');
  await page.getByRole('button', { name: 'Appearance' }).click();
  await page.getByRole('option', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  expect((await desk.thread('a')).last_content).toMatchObject({ excerpt: 'Good day.', creator_id: ada.id });
  expect((await desk.thread('b')).last_content.status).toBe('ignored');
  expect((await ada.ask('GET', `/content_threads/${thread.id}/draft`)).body).toBe('Half a sent');
  const kept = () => page.evaluate(() => Object.keys(localStorage).filter((name) => /draft|asked/.test(name)));
  expect(await kept()).toEqual([]);

  // Whose session is ended by others has nothing done in the name of the next one.
  const comes = async (token: string) => {
    await page.getByRole('button', { name: 'Use an access token instead' }).click();
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await talk(page).getByText('Hello').waitFor();
  };
  await comes(ada.token);
  await expect.poll(() => field(page).inputValue()).toBe('Half a sent');
  await field(page).fill('And this is the rest.');
  await page.keyboard.press('Control+Enter');
  const tokens = (await desk.server.get('/access_tokens?extended=true')).records;
  const hers = tokens.find(({ user_id }: Record<string, unknown>) => user_id === ada.id);
  await desk.server.ask('DELETE', `/access_tokens/${hers.id}`);
  await page.keyboard.press('c');
  await page.getByRole('button', { name: 'Use an access token instead' }).waitFor();
  expect(await kept()).toEqual([]);
  await comes(ben.token);
  expect(await field(page).inputValue()).toBe('');
  await field(page).fill('I am Ben.');
  await page.keyboard.press('Control+Enter');
  await talk(page).locator('.ours:not([data-outgoing])').getByText('I am Ben.').waitFor();
  expect((await desk.thread('a')).contents_count).toBe(3);
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
  // As long as the account says, and the next mornings.
  await page.getByRole('option', { name: /^In 4 hours/ }).waitFor();
  await page.getByRole('option', { name: /^In 7 days/ }).waitFor();
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
  await desk.says('Vera Visitor', 'a', 'My card is 4970 1234', { display_url: `${desk.server.url}/kettles/7` });
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
  const there = page.waitForEvent('popup');
  await does('See it on its channel');
  expect(new URL((await there).url()).pathname).toBe('/kettles/7');
  // What marks one of several in a row is said of each.
  for (const body of ['We are closed.', 'We open at nine.']) await desk.server.post('/contents', { in_reply_to_id: thread.last_content.id, body, auto_submitted: true });
  await expect.poll(() => talk(page).locator('.ours .badge').getByText('Automatic').count()).toBe(2);
  page.once('dialog', (dialog) => void dialog.accept());
  await does('Erase what it says');
  await talk(page).getByText('4970').waitFor({ state: 'detached' });
  expect((await content()).body).not.toContain('4970');
  expect(agent.errors).toEqual([]);
});

test('of two who write in one thread the one is named whose message is answered', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const { page } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  await talk(page).getByText('Where is my kettle?').waitFor();
  await page.getByRole('textbox', { name: 'Reply to Vera Visitor' }).waitFor();
  await desk.says('Marc Martin', 'a', 'And mine?');
  await talk(page).getByText('And mine?').waitFor();
  await page.getByRole('textbox', { name: 'Reply to Marc Martin' }).fill('Both are on their way.');
  await page.keyboard.press('Control+Enter');
  const answer = async () => (await desk.server.get('/contents')).records.find(({ body = '' }: Record<string, string>) => body.startsWith('Both'));
  await expect.poll(answer, { timeout: 15_000 }).toBeTruthy();
  const { in_reply_to_author_id } = await answer();
  expect((await desk.server.get(`/identities/${in_reply_to_author_id}`)).display_name).toBe('Marc Martin');
});

test('an answer that does not get through says why and when it is tried again, until it has failed or arrived', async () => {
  let fatal = false;
  const channel = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(fatal ? 200 : 503).end(fatal ? JSON.stringify({ error: { fatal: true, message: 'Blocked' } }) : 'Out of order'));
  });
  opened.push(channel);
  await new Promise<void>((done) => channel.listen(0, '127.0.0.1', done));
  const desk = await Desk.opens('--allow-outbound', '127.0.0.0/8');
  await desk.server.put(`/content_sources/${desk.source.id}`, { base_uri: `http://127.0.0.1:${(channel.address() as AddressInfo).port}/` });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const { page } = await desk.sits(desk.server.token, at(await desk.thread('a')));
  await talk(page).getByText('Where is my kettle?').waitFor();
  await field(page).fill('On its way.');
  await page.keyboard.press('Control+Enter');
  const foot = talk(page).locator('.message.ours .message-foot');
  await foot.getByText(/^Sent again at .+ The last attempt failed: ./).waitFor({ timeout: 30_000 });
  fatal = true;
  await foot.getByText('Not sent: Blocked').waitFor({ timeout: 60_000 });
  await foot.getByRole('button', { name: 'Send again' }).waitFor();
}, 120_000);
