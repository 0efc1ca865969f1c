// The inbox over the real server: live, by keyboard, searched, and after the network was away.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, lines, names, open, talk } from './cast.ts';

open();

test('a wrong password is told so; the right one leads to the inbox, also in another tab, and back out', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Hello');
  const { page, agent } = await desk.sits('');
  await page.getByLabel('E-mail').fill('admin@frontdesk.local');
  expect([agent.complaints, await page.title()]).toEqual([[], 'Sign in · Frontdesk']);
  await page.getByLabel('Password').fill('not that one');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The address or the password is not right.').waitFor();
  await page.getByLabel('Password').fill(desk.server.password);
  await page.keyboard.press('Enter');
  await lines(page).getByText('Vera Visitor').waitFor();
  // No script of a page can read what the session is.
  expect(await page.evaluate(() => document.cookie + JSON.stringify({ ...sessionStorage }))).toBe('{}');
  await desk.says('Marc Martin', 'b', 'Live, by the session');
  await lines(page).getByText('Live, by the session').waitFor();
  const other = await agent.open(page.url());
  await lines(other).getByText('Vera Visitor').waitFor();
  await page.getByRole('button', { name: 'Appearance' }).click();
  await page.getByRole('option', { name: 'Sign out' }).click();
  await page.getByLabel('Password').waitFor();
  // It was the session of both.
  await other.reload();
  await other.getByLabel('Password').waitFor();
});

test('who has no token, or a wrong one, is told so; the right one leads to the inbox and back out', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Hello');
  const { page, agent } = await desk.sits('');
  await page.getByRole('button', { name: 'Use an access token instead' }).click();
  const field = page.getByLabel('Access token');
  await field.fill('f'.repeat(64));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('This token is unknown or disabled').waitFor();
  await field.fill(desk.server.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await lines(page).getByText('Vera Visitor').waitFor();
  // The token is in no address that was asked for, and a reload keeps it.
  expect(agent.requests.filter((url) => url.includes(desk.server.token))).toEqual([]);
  await page.reload();
  await lines(page).getByText('Vera Visitor').waitFor();
  await page.evaluate(() => sessionStorage.setItem('left', '1'));
  await page.getByRole('button', { name: 'Appearance' }).click();
  await page.getByRole('option', { name: 'Sign out' }).click();
  await page.getByLabel('Password').waitFor();
  expect(await page.evaluate(() => sessionStorage.getItem('frontdesk.token'))).toBeNull();
});

test('a token that is disabled ends the screen', async () => {
  const desk = await Desk.opens();
  const ada = await desk.hires('Ada');
  const { page } = await desk.sits(ada.token);
  await page.getByText('Nobody waits').waitFor();
  await page.evaluate(() => sessionStorage.setItem('left', '1'));
  const { records } = await desk.server.get('/access_tokens');
  await desk.server.put(`/access_tokens/${records.find(({ user_id }: { user_id: string }) => user_id === ada.id).id}`, { enabled: false });
  await page.getByText('You were signed out').waitFor();
});

test('what customers write is in the list and counted, without a reload', async () => {
  const desk = await Desk.opens();
  const { page, agent } = await desk.sits(desk.server.token);
  await page.getByText('Nobody waits').waitFor();
  const folder = page.getByRole('link', { name: /^Unassigned/ });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await lines(page).getByText('Where is my kettle?').waitFor();
  await desk.says('Marc Martin', 'b', 'Bonjour');
  await expect.poll(() => names(page)).toEqual(['Marc Martin', 'Vera Visitor']);
  await expect.poll(() => folder.innerText()).toContain('2');
  await desk.says('Vera Visitor', 'a', 'It is late.');
  await expect.poll(() => names(page)).toEqual(['Vera Visitor', 'Marc Martin']);
  await lines(page).getByText('It is late.').waitFor();
  // A colleague takes one: it is nobody's no longer.
  const ada = await desk.hires('Ada');
  const thread = await desk.thread('b');
  await ada.ask('POST', '/interventions', { content_id: thread.last_content.id });
  await expect.poll(() => names(page)).toEqual(['Vera Visitor']);
  await page.getByRole('link', { name: /^All open/ }).click();
  await expect.poll(() => names(page)).toEqual(['Marc Martin']);
  await page.getByText('Assigned to Ada Agent').waitFor({ state: 'attached' });
  expect(agent.errors).toEqual([]);
  expect(agent.complaints).toEqual([]);
});

test('everything by keyboard: moving, opening, leaving, searching, the palette and the list of keys', async () => {
  const desk = await Desk.opens();
  for (const [author, thread] of [['Ann One', 'a'], ['Ben Two', 'b'], ['Cid Three', 'c']] as const) await desk.says(author, thread, `I am ${author}`);
  const { page } = await desk.sits(desk.server.token);
  await expect.poll(() => names(page)).toEqual(['Cid Three', 'Ben Two', 'Ann One']);
  const cursor = () => page.locator('.line[data-cursor] .line-name').innerText();
  await page.keyboard.press('j');
  expect(await cursor()).toBe('Cid Three');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  expect(await cursor()).toBe('Ben Two');
  await page.keyboard.press('Enter');
  await talk(page).getByText('I am Ben Two').waitFor();
  await page.keyboard.press('j');
  await talk(page).getByText('I am Ann One').waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Choose a conversation').waitFor();
  expect(await cursor()).toBe('Ann One');
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await help.getByText('Next conversation').waitFor();
  // What is behind it does not move.
  await page.keyboard.press('k');
  expect(await cursor()).toBe('Ann One');
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to, or do' }).fill('every');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Everything' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('ben');
  await expect.poll(() => names(page)).toEqual(['Ben Two']);
  await page.keyboard.press('Enter');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await talk(page).getByText('I am Ben Two').waitFor();
});

test('a search has chips, suggests, is in the address, says what is wrong with it, and becomes a folder', async () => {
  const desk = await Desk.opens();
  await desk.says('Ann One', 'a', 'A blue kettle', { language: 'en' });
  await desk.says('Ben Two', 'b', 'A red kettle', { language: 'fr' });
  const { page } = await desk.sits(desk.server.token, { path: '/inbox/all' });
  await expect.poll(() => names(page)).toEqual(['Ben Two', 'Ann One']);
  const field = page.getByRole('combobox', { name: 'Search conversations' });
  await field.fill('kettle sour');
  await page.getByRole('option', { name: /^Source/ }).click();
  await page.getByRole('option', { name: /^Letters/ }).click();
  await page.getByRole('button', { name: 'Remove Source: Letters' }).waitFor();
  await expect.poll(() => page.url()).toContain(encodeURIComponent(`source:${desk.source.id} kettle`).replaceAll('%20', '+'));
  await field.pressSequentially(' red');
  await expect.poll(() => names(page)).toEqual(['Ben Two']);
  // The address is the search.
  await page.reload();
  await page.getByRole('button', { name: 'Remove Source: Letters' }).waitFor();
  await expect.poll(() => names(page)).toEqual(['Ben Two']);
  await field.fill('nonsense:1 ');
  await page.getByRole('alert').getByText('There is no keyword “nonsense” (character').waitFor();
  await page.getByRole('button', { name: /^Remove nonsense/ }).click();
  await field.fill('blue');
  await expect.poll(() => names(page)).toEqual(['Ann One']);
  await page.getByRole('button', { name: 'Save as folder' }).click();
  await page.getByLabel('Name of the folder').fill('Blue things');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: /^Blue things/ }).waitFor();
  await expect.poll(() => names(page)).toEqual(['Ann One']);
  // Its count is live as well.
  await desk.says('Cid Three', 'c', 'Blue again');
  await expect.poll(() => page.getByRole('link', { name: /^Blue things/ }).innerText()).toContain('2');
});

test('an address of the web is searched for as it is pasted; what is wrong with a search is said in French, with what to do', async () => {
  const desk = await Desk.opens();
  await desk.says('Ann One', 'a', 'See https://example.com/a/very for it');
  await desk.says('Ben Two', 'b', 'Something else');
  const { page, agent } = await desk.sits(desk.server.token, { path: '/inbox/all', locale: 'fr' });
  await expect.poll(() => names(page)).toEqual(['Ben Two', 'Ann One']);
  const field = page.getByRole('combobox').first();
  await field.fill('https://example.com/a/very');
  await expect.poll(() => names(page)).toEqual(['Ann One']);
  expect(await page.getByRole('alert').count()).toBe(0);
  await field.fill('foo:bar ');
  const alert = page.getByRole('alert');
  await alert.getByText('Il n’y a pas de mot-clé « foo » (caractère 1 de la recherche).').waitFor();
  expect((await alert.innerText()).split('\n')).toHaveLength(1);
  expect(await violations(page.mainFrame())).toEqual([]);
  // Another keyword in its place, or the words as they are.
  await page.getByRole('button', { name: 'État', exact: true }).click();
  await page.getByRole('option', { name: /^nouveau/ }).click();
  await expect.poll(() => names(page)).toEqual(['Ben Two', 'Ann One']);
  await field.fill('assigned:maybe ');
  await alert.getByText('il faut une autre valeur').waitFor();
  await page.getByRole('button', { name: 'oui', exact: true }).click();
  await alert.waitFor({ state: 'detached' });
  await page.goto(`${new URL(page.url()).origin}/inbox/search?q=foo:bar`);
  await page.getByRole('button', { name: /foo:bar/ }).last().click();
  await alert.waitFor({ state: 'detached' });
  expect(await field.inputValue()).toBe('"foo:bar"');
  expect(agent.errors).toEqual([]);
});

test('what a search has found is shown in the list, and first when the conversation is opened, however far up it is', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'After all that was said of tea and of coffee machines, an Éspresso is what I would like to have', { created_at: '2026-01-15T10:00:00Z' });
  for (let count = 0; count < 70; count++) await desk.says('Vera Visitor', 'a', `And one thing more, number ${count}`);
  await desk.says('Marc', 'b', 'Tea for me');
  const { page, agent } = await desk.sits(desk.server.token, { path: '/inbox/search?q=espresso' });
  await expect.poll(() => names(page)).toEqual(['Vera Visitor']);
  await lines(page).locator('mark').getByText('Éspresso', { exact: true }).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const found = talk(page).locator('[data-hit]');
  await found.getByText('is what I would like to have').waitFor();
  expect(await found.locator('mark').allInnerTexts()).toEqual(['Éspresso']);
  const [box, scroller] = [await found.boundingBox(), await page.locator('.talk-scroll').boundingBox()];
  expect([box!.y >= scroller!.y, box!.y + box!.height <= scroller!.y + scroller!.height]).toEqual([true, true]);
  expect(await violations(page.mainFrame())).toEqual([]);
  // What comes does not take it away from whom is reading it; the way to the end is there.
  await desk.says('Vera Visitor', 'a', 'Are you there?');
  await talk(page).getByText('Are you there?').waitFor({ state: 'attached' });
  await expect.poll(async () => (await found.boundingBox())!.y).toBeGreaterThanOrEqual(scroller!.y);
  await page.getByRole('button', { name: 'To the latest' }).click();
  await expect.poll(() => page.locator('.talk-scroll').evaluate((all) => all.scrollHeight - all.scrollTop - all.clientHeight)).toBeLessThan(5);
  await page.getByRole('button', { name: 'To the latest' }).waitFor({ state: 'detached' });
  expect(agent.errors).toEqual([]);
});

test('of a long list only what is seen is on the screen, and its end is there at once', async () => {
  const desk = await Desk.opens();
  for (let from = 0; from < 240; from += 20) await Promise.all(Array.from({ length: 20 }, (_, index) => desk.says(`Customer ${from + index}`, `t${from + index}`, 'Hello')));
  const { page } = await desk.sits(desk.server.token);
  await lines(page).first().waitFor();
  await page.getByText('240', { exact: true }).first().waitFor();
  expect(await lines(page).count()).toBeLessThan(40);
  await page.locator('.list-scroll').evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect.poll(async () => (await page.locator('.line-place').last().getAttribute('aria-posinset'))).toBe('240');
  await expect.poll(() => page.locator('.line-place').last().locator('.line-name').count()).toBe(1);
  expect(await lines(page).count()).toBeLessThan(40);
});

test('what was missed while the network was away is there when it is back', async () => {
  const desk = await Desk.opens();
  await desk.says('Ann One', 'a', 'First');
  const { page } = await desk.sits(desk.server.token, { relayed: true });
  await lines(page).getByText('First').waitFor();
  await lines(page).getByText('Ann One').click();
  await talk(page).getByText('First').waitFor();
  desk.network.cut();
  await page.getByText('Reconnecting. What you see may be old.').waitFor();
  await desk.says('Ann One', 'a', 'While you were away');
  await desk.says('Ben Two', 'b', 'Me too');
  // What is written meanwhile is not lost, and goes by itself.
  const field = page.getByRole('textbox', { name: /^Reply to/ });
  await field.fill('I am back.');
  await page.keyboard.press('Control+Enter');
  await talk(page).locator('[data-outgoing]').getByText('Nobody answers; sent again by itself').waitFor();
  desk.network.mend();
  await talk(page).getByText('While you were away').waitFor();
  await lines(page).getByText('Me too').waitFor();
  await page.getByText('Reconnecting.').waitFor({ state: 'detached' });
  await talk(page).locator('.ours:not([data-outgoing])').getByText('I am back.').waitFor();
  expect(await field.inputValue()).toBe('');
  const q = encodeURIComponent('text:"I am back"');
  expect((await desk.server.get(`/contents?q=${q}`)).count).toBe(1);
});

test('an address that means nothing says so and leads back', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: `/inbox/all/${'0'.repeat(24)}` });
  await page.getByText('There is no such page').waitFor();
  for (const path of ['/inbox/all/a/b/c', '/inbox/%zz', '/admin/%zz']) {
    await page.goto(`${new URL(page.url()).origin}${path}`);
    await page.getByText('There is no such page').waitFor();
  }
  await page.getByRole('button', { name: 'Go to the inbox' }).click();
  await page.getByText('Nobody waits').waitFor();
});

test('several are archived at once, which can be undone', async () => {
  const desk = await Desk.opens();
  for (const thread of ['a', 'b', 'c']) await desk.says(`Author ${thread}`, thread, 'Spam');
  const { page } = await desk.sits(desk.server.token);
  await expect.poll(() => names(page)).toHaveLength(3);
  await page.getByRole('checkbox', { name: 'Select the conversation with Author a' }).check();
  await page.getByRole('checkbox', { name: 'Select the conversation with Author b' }).check();
  await page.getByRole('toolbar', { name: '2 selected' }).getByRole('button', { name: 'Archive' }).click();
  await expect.poll(() => names(page)).toEqual(['Author c']);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => names(page)).toHaveLength(3);
  expect((await desk.thread('a')).last_content.status).toBe('new');
  await page.getByRole('checkbox', { name: 'Select the conversation with Author a' }).check();
  await page.keyboard.press('i');
  await expect.poll(async () => (await desk.thread('a')).last_content.status, { timeout: 15_000 }).toBe('ignored');
  expect((await desk.thread('b')).last_content.status).toBe('new');
});

test('of many things done in a moment each can be undone, the latest first', async () => {
  const desk = await Desk.opens();
  for (const thread of ['a', 'b', 'c', 'd', 'e']) await desk.says(`Author ${thread}`, thread, 'Spam');
  const { page } = await desk.sits(desk.server.token);
  await expect.poll(() => names(page)).toHaveLength(5);
  for (const left of [4, 3, 2, 1]) {
    await page.getByRole('checkbox', { name: /^Select the conversation/ }).first().check();
    await page.keyboard.press('i');
    await expect.poll(() => names(page)).toHaveLength(left);
  }
  expect(await page.locator('.toast').count()).toBe(3);
  for (let undone = 0; undone < 4; undone++) await page.keyboard.press('z');
  await expect.poll(() => names(page)).toHaveLength(5);
});

test('of thousands of colleagues each can be found and given work; where there are more, it is said', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Hello');
  const { page } = await desk.sits(desk.server.token, { path: `/inbox/all/${(await desk.thread('a')).id}` });
  const me = await desk.server.get('/users/me');
  await page.route('**/1.0/users?*', (route) => {
    const at = new URL(route.request().url()).searchParams;
    const offset = Number(at.get('offset'));
    const records = Array.from({ length: Number(at.get('limit')) }, (_, index) => ({ ...me, id: `${offset + index}`.padStart(24, '0'), nickname: '', firstname: 'Number', lastname: `${offset + index}` }));
    return route.fulfill({ json: { count: 4_000, offset, limit: records.length, records } });
  });
  await page.reload();
  await page.getByText('Colleagues: only the first 3000 of 4000 are known here').waitFor();
  await talk(page).getByText('Hello').waitFor();
  await page.keyboard.press('a');
  await page.getByText('2700 more: write a name').waitFor();
  expect(await page.getByRole('option').count()).toBe(300);
  await page.getByRole('combobox', { name: 'Assign' }).fill('2999');
  await expect.poll(() => page.getByRole('option').allInnerTexts()).toHaveLength(1);
  await page.getByRole('option', { name: 'Number 2999' }).waitFor();
});

test('several are categorised at once, which can be undone', async () => {
  const desk = await Desk.opens();
  const refund = await desk.server.post('/categories', { name: 'Refund' });
  for (const thread of ['a', 'b']) await desk.says(`Author ${thread}`, thread, 'Money back');
  const { page } = await desk.sits(desk.server.token);
  for (const thread of ['a', 'b']) await page.getByRole('checkbox', { name: `Select the conversation with Author ${thread}` }).check();
  await page.keyboard.press('l');
  await page.getByRole('option', { name: 'Refund' }).click();
  const categories = () => Promise.all(['a', 'b'].map(async (thread) => (await desk.thread(thread)).thread_category_ids));
  await expect.poll(categories).toEqual([[refund.id], [refund.id]]);
  await page.getByText('2 categorised').waitFor();
  await page.keyboard.press('z');
  await expect.poll(categories).toEqual([[], []]);
});

test('a folder is renamed, its search changed, and deleted; one that is not there says so', async () => {
  const desk = await Desk.opens();
  await desk.says('Ann One', 'a', 'A blue kettle');
  const folder = await desk.server.post('/folders', { label: 'Blue', query: 'blue', own: true });
  const { page } = await desk.sits(desk.server.token, { path: `/inbox/${folder.id}` });
  await expect.poll(() => names(page)).toEqual(['Ann One']);
  const does = async (what: string) => {
    await page.getByRole('button', { name: 'What can be done with the folder' }).click();
    await page.getByRole('option', { name: what }).click();
  };
  page.once('dialog', (dialog) => void dialog.accept('Blue things'));
  await does('Rename');
  await page.getByRole('heading', { name: 'Blue things' }).waitFor();
  await does('Show its count');
  await expect.poll(() => page.getByRole('link', { name: /^Blue things/ }).innerText()).toContain('1');
  page.once('dialog', (dialog) => void dialog.accept());
  await does('Delete');
  await page.getByRole('link', { name: /^Blue things/ }).waitFor({ state: 'detached' });
  await page.goto(`${new URL(page.url()).origin}/inbox/${folder.id}`);
  await page.getByText('There is no such folder').waitFor();
  expect(await lines(page).count()).toBe(0);
  // The palette finds conversations by their words.
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to, or do' }).fill('blue kettle');
  await page.getByRole('option', { name: /Ann One/ }).click();
  await talk(page).getByText('A blue kettle').waitFor();
});

test('several are given to a colleague and closed at once, which can be undone; the list is sorted, also after a reload', async () => {
  const desk = await Desk.opens();
  const ada = await desk.hires('Ada');
  for (const thread of ['a', 'b', 'c']) await desk.says(`Author ${thread}`, thread, 'Hello');
  const { page } = await desk.sits(desk.server.token, { path: '/inbox/all' });
  await expect.poll(() => names(page)).toEqual(['Author c', 'Author b', 'Author a']);
  await page.getByRole('button', { name: 'Sort' }).click();
  await page.getByRole('option', { name: 'Longest quiet' }).click();
  await expect.poll(() => names(page)).toEqual(['Author a', 'Author b', 'Author c']);
  await page.reload();
  await expect.poll(() => names(page)).toEqual(['Author a', 'Author b', 'Author c']);

  const select = async () => {
    for (const thread of ['a', 'b']) await page.getByRole('checkbox', { name: `Select the conversation with Author ${thread}` }).check();
  };
  const cases = async () => (await Promise.all(['a', 'b', 'c'].map((thread) => desk.thread(thread)))).map(({ intervention }) => intervention);
  await select();
  await page.keyboard.press('a');
  await page.getByRole('combobox', { name: 'Assign' }).fill('ada');
  await page.getByRole('option', { name: /^Ada Agent/ }).waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await cases()).map((one) => one?.user_id ?? null)).toEqual([ada.id, ada.id, null]);
  // Only what was answered can be closed.
  for (const thread of ['a', 'b']) await ada.ask('POST', '/contents', { in_reply_to_id: (await desk.thread(thread)).last_content.id, body: 'It is on its way.' });
  await expect.poll(() => lines(page).getByText('It is on its way.').count()).toBe(2);

  await select();
  await page.keyboard.press('f');
  await page.getByRole('button', { name: /^Undo/ }).last().waitFor();
  await page.keyboard.press('z');
  await page.getByRole('button', { name: /^Undo/ }).last().waitFor({ state: 'detached' });
  expect((await cases()).map((one) => one?.closed_at ?? null)).toEqual([null, null, null]);
  await select();
  await page.keyboard.press('f');
  await expect.poll(async () => (await cases()).map((one) => !!one?.closed_at), { timeout: 15_000 }).toEqual([true, true, false]);
});

test('what nobody had is given away and taken back; what is somebody’s is made nobody’s again', async () => {
  const desk = await Desk.opens();
  const ada = await desk.hires('Ada');
  for (const thread of ['new', 'noted', 'closed']) await desk.says(`Author ${thread}`, thread, 'Hello');
  const answered = await desk.thread('closed');
  await ada.ask('POST', '/contents', { in_reply_to_id: answered.last_content.id, body: 'It is on its way.' });
  await ada.ask('PUT', `/interventions/${(await desk.thread('closed')).intervention.id}/close`);
  const { page, agent } = await desk.sits(desk.server.token, { path: '/inbox/all' });
  const me = (await desk.server.get('/users/me')).id;
  const whose = async () =>
    (await Promise.all(['new', 'noted', 'closed'].map((thread) => desk.thread(thread)))).map(({ intervention }) => (intervention ? `${intervention.user_id === ada.id ? 'Ada' : intervention.user_id === me ? 'I' : 'nobody'}${intervention.closed_at ? ', closed' : ''}` : 'none'));
  const gives = async (to: RegExp, ...threads: string[]) => {
    for (const thread of threads) await page.getByRole('checkbox', { name: `Select the conversation with Author ${thread}` }).check();
    await page.keyboard.press('a');
    await page.getByRole('combobox', { name: 'Assign' }).waitFor();
    await page.getByRole('option', { name: to }).click();
  };
  await lines(page).nth(2).waitFor();
  expect(await whose()).toEqual(['none', 'none', 'Ada, closed']);
  await gives(/Agent$/, 'new', 'noted');
  await page.getByText('2 assigned to Ada Agent').waitFor();
  expect(await whose()).toEqual(['Ada', 'Ada', 'Ada, closed']);
  // What a colleague noted meanwhile stays.
  const noted = (await desk.thread('noted')).intervention;
  await ada.ask('POST', '/intervention_comments', { intervention_id: noted.id, body: 'She is a regular.' });
  await page.keyboard.press('z');
  await expect.poll(whose).toEqual(['none', 'nobody', 'Ada, closed']);
  expect((await desk.server.get(`/intervention_comments?intervention_id=${noted.id}`)).count).toBe(1);
  const waiting = async () => (await desk.server.get('/content_threads?q=status_in:new')).count;
  expect(await waiting()).toBe(2);

  // What was closed is opened for somebody, and closed again.
  await gives(/You$/, 'closed');
  await expect.poll(whose).toEqual(['none', 'nobody', 'I']);
  await page.keyboard.press('z');
  await expect.poll(whose).toEqual(['none', 'nobody', 'Ada, closed']);

  // And nobody is a choice by itself.
  await gives(/Agent$/, 'noted');
  await expect.poll(whose).toEqual(['none', 'Ada', 'Ada, closed']);
  await gives(/^Nobody/, 'noted');
  await page.getByText('Nobody’s again').waitFor();
  await expect.poll(whose).toEqual(['none', 'nobody', 'Ada, closed']);
  await page.keyboard.press('z');
  await expect.poll(whose).toEqual(['none', 'Ada', 'Ada, closed']);
  expect(agent.errors).toEqual([]);
});

test.each(['en', 'fr'])('beside the card the head of a conversation keeps its name and all that can be done (%s)', async (locale) => {
  const desk = await Desk.opens();
  const { server } = desk;
  await server.put(`/content_sources/${desk.source.id}`, { name: 'Messagerie du site de la boutique' });
  await desk.says('Maximiliane Vandenberghe', 'a', 'Hello', { thread_title: 'A kettle that leaks' });
  const content = (await server.get('/contents')).records[0];
  await server.post('/interventions', { content_id: content.id });
  await server.post('/contents', { in_reply_to_id: content.id, body: 'Yes?' });
  const { id } = await desk.thread('a');
  for (const width of [1280, 1366, 1024]) {
    const { page, agent } = await desk.sits(server.token, { path: `/inbox/all/${id}`, locale, viewport: { width, height: 800 } });
    const head = page.locator('.talk-head');
    await head.locator('.resolve').waitFor();
    const place = (await head.boundingBox())!;
    for (const one of await head.locator('button').all()) {
      const box = await one.boundingBox();
      if (box) expect([box.x >= place.x, box.x + box.width <= place.x + place.width + 1]).toEqual([true, true]);
    }
    expect((await head.locator('h2').boundingBox())!.width).toBeGreaterThan(90);
    expect(await head.locator('.fact > span').evaluate((name) => getComputedStyle(name).textOverflow)).toBe('ellipsis');
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/head-${locale}-${width}.png` });
    await agent.leave();
  }
});

test('language and looks are chosen, and kept; the page is an app that browsers can install', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { colorScheme: 'light' });
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.getByText('Nobody waits').waitFor();
  const light = await ground();
  await page.getByRole('button', { name: 'Appearance' }).click();
  await page.getByRole('option', { name: 'Dark' }).click();
  await expect.poll(ground).not.toBe(light);
  await page.getByRole('button', { name: 'Appearance' }).click();
  await page.getByRole('option', { name: 'Français' }).click();
  await page.getByRole('button', { name: 'Apparence' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Apparence' }).waitFor();
  expect(await ground()).not.toBe(light);
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('fr');
  const app = await page.evaluate(async () => (await fetch(document.querySelector<HTMLLinkElement>('link[rel="manifest"]')!.href)).json());
  expect([app.name, app.display, app.start_url, app.icons.length > 0]).toEqual(['Frontdesk', 'standalone', '/', true]);
});

test('who looks elsewhere is notified of a customer who writes to nobody, and led there', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { permissions: ['notifications'] });
  await page.evaluate(() => {
    const shown: { title: string; body: string; click: () => void }[] = ((window as any).shown = []);
    class Kept {
      static permission = 'granted';
      static requestPermission = async () => 'granted';
      onclick = () => {};
      close() {}
      constructor(title: string, { body }: { body: string }) {
        shown.push({ title, body, click: () => this.onclick() });
      }
    }
    (window as any).Notification = Kept;
  });
  const shown = () => page.evaluate(() => ((window as any).shown as { title: string; body: string }[]).map(({ title, body }) => [title, body]));
  await page.getByRole('button', { name: 'Appearance' }).click();
  await page.getByRole('option', { name: 'Notify me in the browser' }).click();
  await desk.says('Vera Visitor', 'a', 'Seen at once');
  await lines(page).getByText('Seen at once').waitFor();
  await page.evaluate(() => Object.defineProperty(document, 'hidden', { value: true, configurable: true }));
  await desk.says('Marc Martin', 'b', 'Are you there?');
  await expect.poll(shown).toEqual([['Marc Martin', 'Are you there?']]);
  await page.evaluate(() => (window as any).shown[0].click());
  await talk(page).getByText('Are you there?').waitFor();
});

test('the tab of the browser says what is open, and how many wait for somebody', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Hello');
  const { page } = await desk.sits(desk.server.token);
  await expect.poll(() => page.title()).toBe('(1) Unassigned · Frontdesk');
  await desk.says('Marc Martin', 'b', 'Hello too');
  await expect.poll(() => page.title()).toBe('(2) Unassigned · Frontdesk');
  await lines(page).getByText('Vera Visitor').click();
  await expect.poll(() => page.title()).toBe('(2) Vera Visitor · Frontdesk');
  await page.keyboard.press('Escape');
  await expect.poll(() => page.title()).toBe('(2) Unassigned · Frontdesk');
  await page.goto(`${new URL(page.url()).origin}/admin/sources/${desk.source.id}`);
  await expect.poll(() => page.title()).toBe('(2) Letters · Sources · Frontdesk');
});
