// Writing over the real server: drafts, form, choices, times, colleagues.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { brings, Desk, lines, open, sit, talk } from './cast.ts';
import { open as openStories, story, writes } from '../stories/cast.ts';

openStories();
open();

const field = (page: Page) => page.getByRole('textbox', { name: /^Reply to/ });
const at = (thread: Record<string, any>) => ({ path: `/inbox/all/${thread.id}` });

test('a draft is on the server: it is there in another browser, and what that one writes is not overwritten unseen', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const thread = await desk.thread('a');
  const { page: here } = await desk.sits(desk.server.token, { ...at(thread), relayed: true });
  await field(here).fill('Dear Vera');
  const kept = async () => (await desk.server.get(`/content_threads/${thread.id}/draft`)).body;
  await expect.poll(kept).toBe('Dear Vera');
  const { page: there } = await desk.sits(desk.server.token, at(thread));
  await expect.poll(() => field(there).inputValue()).toBe('Dear Vera');
  await field(there).fill('Dear Vera, it is on its way');
  await expect.poll(kept).toBe('Dear Vera, it is on its way');
  await expect.poll(() => field(here).inputValue()).toBe('Dear Vera, it is on its way');
  // Both at once, as without a network: nobody's words are lost.
  desk.network.cut();
  await field(here).fill('Without a network');
  await desk.server.put(`/content_threads/${thread.id}/draft`, { body: 'With one' });
  desk.network.mend();
  await here.getByText('You wrote something else here on another screen.').waitFor();
  expect(await field(here).inputValue()).toBe('Without a network');
  await here.getByRole('button', { name: 'Take that' }).click();
  await expect.poll(() => field(here).inputValue()).toBe('With one');
  // Sent, it is gone everywhere.
  await here.keyboard.press('r');
  await here.keyboard.press('Control+Enter');
  await expect.poll(async () => (await desk.thread('a')).contents_count, { timeout: 15_000 }).toBe(2);
  await expect.poll(kept).toBe('');
  await expect.poll(() => field(there).inputValue()).toBe('');
});

test('what is half written when a page closes is there in the next one, and at another desk', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const thread = await desk.thread('a');
  await desk.server.post('/interventions', { content_id: thread.last_content.id });
  const { page, agent } = await desk.sits(desk.server.token, at(thread));
  const note = (page: Page) => page.getByRole('textbox', { name: 'Comment' });
  await page.getByRole('tab', { name: 'Comment' }).click();
  await note(page).fill('Ask the cour');
  await page.getByRole('tab', { name: 'Reply' }).click();
  await field(page).fill('Dear Vera');
  await expect.poll(async () => (await desk.server.get(`/content_threads/${thread.id}/draft`)).body).toBe('Dear Vera');
  await field(page).fill('Dear Vera, your ket');
  const gone = page.waitForEvent('close');
  await page.close({ runBeforeUnload: true });
  await gone;
  // It was on its way before the pause after which it is saved.
  const { page: there } = await desk.sits(desk.server.token, at(thread));
  await expect.poll(() => field(there).inputValue()).toBe('Dear Vera, your ket');
  const back = await agent.open(`${desk.server.url}/inbox/all/${thread.id}`);
  await expect.poll(() => field(back).inputValue()).toBe('Dear Vera, your ket');
  await back.getByRole('tab', { name: 'Comment' }).click();
  expect(await note(back).inputValue()).toBe('Ask the cour');
  await note(back).press('Control+Enter');
  await talk(back).locator('.note').getByText('Ask the cour').waitFor();
  await back.reload();
  await talk(back).locator('.note').getByText('Ask the cour').waitFor();
  await back.getByRole('tab', { name: 'Comment' }).click();
  expect(await note(back).inputValue()).toBe('');
  expect(agent.errors).toEqual([]);
});

test('two agents see that both look at one conversation, and who of them writes', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const [ada, ben] = [await desk.hires('Ada'), await desk.hires('Ben')];
  const thread = await desk.thread('a');
  const { page: hers } = await desk.sits(ada.token, at(thread));
  await talk(hers).getByText('Where is my kettle?').waitFor();
  const { page: his } = await desk.sits(ben.token, at(thread));
  await hers.getByRole('list', { name: 'Colleagues in this conversation' }).waitFor();
  await his.getByRole('list', { name: 'Colleagues in this conversation' }).waitFor();
  await field(hers).pressSequentially('I ans');
  await his.getByRole('status').getByText(/is writing here/).waitFor();
  await hers.keyboard.press('Escape');
  await hers.keyboard.press('Escape');
  await his.getByRole('list', { name: 'Colleagues in this conversation' }).waitFor({ state: 'detached' }).catch(() => {});
  await expect.poll(() => his.getByRole('list', { name: 'Colleagues in this conversation' }).isVisible()).toBe(false);
});

test('an answer goes out at its time, can be taken back until then, and may be private', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const thread = await desk.thread('a');
  const { page } = await desk.sits(desk.server.token, at(thread));
  await field(page).fill('We call you on Monday.');
  await page.getByRole('button', { name: 'Private' }).click();
  await page.getByRole('button', { name: 'Send later' }).click();
  await page.getByRole('option', { name: /^Next Monday/ }).click();
  await talk(page).getByText(/^Goes out at/).waitFor();
  const [content] = (await desk.server.get(`/contents?extended=true&q=${encodeURIComponent(`thread:${thread.id}`)}`)).records;
  expect([content.body, content.private_message, new Date(content.scheduled_at).getDay()]).toEqual(['We call you on Monday.', true, 1]);
  await page.getByRole('button', { name: /^Undo/ }).click();
  await expect.poll(() => field(page).inputValue()).toBe('We call you on Monday.');
  await expect.poll(async () => (await desk.server.get(`/contents/${content.id}`)).synchronization_status).toBe('export_aborted');
  // Any other moment.
  await page.getByRole('button', { name: 'Send later' }).click();
  await page.getByRole('option', { name: 'Another time…' }).click();
  await page.getByRole('dialog', { name: 'Send later' }).getByLabel('When').fill('2027-01-04T09:30');
});

/** A desk whose channel takes HTML, and a conversation there. */
async function formed() {
  const channel = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => (body += piece));
    request.on('end', () => {
      const { action } = JSON.parse(body || '{}');
      const told = action === 'implementation.info' ? { objects: { messages: ['create', 'show', 'list'] }, options: ['messages.text', 'messages.html'] } : { id: `c-${Math.random()}` };
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(told));
    });
  });
  await new Promise<void>((done) => channel.listen(0, '127.0.0.1', done));
  const desk = await Desk.opens();
  await desk.server.put(`/content_sources/${desk.source.id}`, { base_uri: `http://127.0.0.1:${(channel.address() as AddressInfo).port}/` });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const thread = await desk.thread('a');
  await expect.poll(async () => (await desk.server.get(`/contents/${thread.last_content.id}?extended=true`)).reply_options.html).toBe(true);
  return { desk, thread, channel };
}

test('an answer is written with form where the channel takes that', async () => {
  const { desk, thread, channel } = await formed();
  const { page, agent } = await desk.sits(desk.server.token, at(thread));
  await field(page).fill('Dear Vera');
  await page.getByRole('button', { name: 'Formatting' }).click();
  await page.getByRole('toolbar', { name: 'Formatting' }).waitFor();
  await field(page).focus();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Control+b');
  await page.keyboard.press('Control+Enter');
  await expect.poll(async () => (await desk.thread('a')).contents_count, { timeout: 15_000 }).toBe(2);
  const [content] = (await desk.server.get(`/contents?q=${encodeURIComponent(`thread:${thread.id}`)}`)).records;
  expect([content.body_input_format, content.body]).toEqual(['html', '<p><b>Dear Vera</b></p>']);
  expect(agent.errors).toEqual([]);
  channel.close();
});

test('a slash completes an answer that has form, where the caret is', async () => {
  const { desk, thread, channel } = await formed();
  const entry = await desk.server.post('/reply_assistant/entries', { label: 'Delivery' });
  await desk.server.put(`/reply_assistant/entries/${entry.id}`, { shortcuts: ['days'] });
  await desk.server.post('/reply_assistant/versions', { entry_id: entry.id, format: 'html', body: '<p>it takes <b>three days</b>, {{customer_lastname}}</p>' });
  const { page, agent } = await desk.sits(desk.server.token, at(thread));
  await field(page).fill('Dear Vera');
  await page.getByRole('button', { name: 'Formatting' }).click();
  await page.getByRole('toolbar', { name: 'Formatting' }).waitFor();
  await field(page).focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(', /da');
  await page.getByRole('option', { name: '/days Delivery' }).waitFor();
  await page.keyboard.press('Enter');
  const plain = (text: string) => text.replaceAll(/&nbsp;|\u00a0/g, ' ');
  await expect.poll(async () => plain(await field(page).innerText())).toBe('Dear Vera, it takes three days, {{customer_lastname}}');
  // What nothing is known for is chosen, to be written over.
  await page.keyboard.press('Control+Enter');
  await page.getByText('Fill in {{customer_lastname}} first').waitFor();
  await expect.poll(() => page.evaluate(() => String(getSelection()))).toBe('{{customer_lastname}}');
  await page.keyboard.type('dear');
  await page.keyboard.press('Control+Enter');
  await expect.poll(async () => (await desk.thread('a')).contents_count, { timeout: 15_000 }).toBe(2);
  const [content] = (await desk.server.get(`/contents?q=${encodeURIComponent(`thread:${thread.id}`)}`)).records;
  expect([content.body_input_format, plain(content.body)]).toEqual(['html', '<p>Dear Vera, it takes <b>three days</b>, dear</p>']);
  expect(agent.errors).toEqual([]);
  channel.close();
});

test('choices are written with a preview, and are what the visitor sees', async () => {
  const { desk, comes } = await story();
  const { chat } = await comes();
  await writes(chat, 'A kettle, please');
  const { page } = await sit(desk.port, desk.token);
  await lines(page).getByText('A kettle, please').click();
  await page.getByRole('button', { name: 'Choices and cards' }).click();
  const dialog = page.getByRole('dialog', { name: 'Choices and cards' });
  await dialog.getByRole('textbox', { name: 'Choice 1', exact: true }).fill('Blue');
  await dialog.getByRole('textbox', { name: 'Choice 2', exact: true }).fill('Café au lait');
  // What programs read is made of the title, unless somebody sets it.
  await dialog.getByRole('button', { name: 'Set what comes back' }).click();
  expect(await dialog.getByRole('textbox', { name: 'Choice 2, payload' }).getAttribute('placeholder')).toBe('Payload: Cafe au lait');
  await dialog.getByRole('textbox', { name: 'Choice 1, payload' }).fill('colour:blue');
  await expect.poll(() => dialog.locator('.fd-choice').allInnerTexts()).toEqual(['Blue', 'Café au lait']);
  await dialog.getByRole('radio', { name: 'Card', exact: true }).click();
  await dialog.getByLabel('Title').fill('The kettle');
  await dialog.locator('.fd-card').getByText('The kettle').waitFor();
  await dialog.getByRole('radio', { name: 'Choices', exact: true }).click();
  await dialog.getByRole('button', { name: 'Add to the answer' }).click();
  await field(page).fill('Which colour?');
  await page.keyboard.press('Control+Enter');
  await chat.getByRole('button', { name: 'Café au lait' }).waitFor({ timeout: 20_000 });
  const { records } = await desk.get('/contents');
  const items = records.find(({ body }: Record<string, string>) => body === 'Which colour?').structured_content.items;
  expect(items.map(({ payload }: Record<string, string>) => payload)).toEqual(['colour:blue', 'Cafe au lait']);
}, 60_000);

test('a colleague is named in a comment and told of it; a signature is put below an answer', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const ada = await desk.hires('Ada');
  const thread = await desk.thread('a');
  await desk.server.post('/interventions', { content_id: thread.last_content.id });
  const me = await desk.server.get('/users/me');
  await desk.server.post(`/users/${me.id}/signatures`, { body: 'Yours, the kettle team', name: 'Formal' });
  const { page: hers } = await desk.sits(ada.token, { path: '/inbox/mine' });
  await hers.getByText('Nothing is yours right now').waitFor();
  const { page } = await desk.sits(desk.server.token, at(thread));
  await field(page).fill('It comes tomorrow.');
  await page.getByRole('button', { name: 'Signature' }).click();
  await page.getByRole('option', { name: 'Formal' }).click();
  await expect.poll(() => field(page).inputValue()).toBe('It comes tomorrow.\n\nYours, the kettle team');
  await page.getByRole('tab', { name: 'Comment' }).click();
  await page.getByRole('textbox', { name: 'Comment' }).pressSequentially('Please look, @ad');
  await page.getByRole('option', { name: 'Ada Agent' }).waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.type('thanks');
  await page.keyboard.press('Control+Enter');
  await talk(page).locator('.note mark').getByText('@Ada Agent').waitFor();
  await hers.getByText(/mentioned you/).waitFor();
  await hers.getByRole('button', { name: 'Open' }).click();
  await talk(hers).getByText('Where is my kettle?').waitFor();
});

test('files come by drop and by paste, and can be taken out again', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(desk.server.token, at(thread));
  await talk(page).getByText('Where is my kettle?').waitFor();
  await brings(field(page), 'drop', 'terms.txt');
  await brings(field(page), 'paste', 'bill.txt');
  await brings(field(page), 'paste', 'wrong.txt');
  await page.getByRole('button', { name: 'Remove wrong.txt' }).click();
  await page.getByRole('button', { name: 'Remove terms.txt' }).waitFor();
  await page.getByRole('button', { name: 'Remove bill.txt' }).waitFor();
  await field(page).fill('Here they are.');
  await page.keyboard.press('Control+Enter');
  await expect.poll(async () => (await desk.thread('a')).contents_count, { timeout: 15_000 }).toBe(2);
  const [content] = (await desk.server.get(`/contents?q=${encodeURIComponent(`thread:${thread.id}`)}`)).records;
  const held = await Promise.all(content.attachments.map(async ({ id }: { id: string }) => (await desk.server.get(`/attachments/${id}`)).filename));
  expect(held.sort()).toEqual(['bill.txt', 'terms.txt']);
  expect(agent.errors).toEqual([]);
});

test('who has several names on a channel chooses as whom they write; its own signatures are offered', async () => {
  const desk = await Desk.opens();
  await desk.server.put(`/content_sources/${desk.source.id}`, { signatures: [{ language: 'en', name: 'The shop', body: 'Your kettle shop' }] });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const ada = await desk.hires('Ada');
  const voices = ['Kettle shop', 'Ada of the kettle shop'];
  for (const name of voices) await desk.says(name, `of ${name}`, 'Hello', { author: { id: name, screenname: name, puppetizable: true, created_at: '2026-01-15T10:00:00Z' } });
  await desk.server.put(`/users/${ada.id}`, { identity_ids: await Promise.all(voices.map(async (name) => (await desk.thread(`of ${name}`)).customer.id)) });
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(ada.token, at(thread));
  await talk(page).getByText('Where is my kettle?').waitFor();
  await field(page).fill('It is on its way.');
  await page.getByRole('button', { name: 'Signature' }).click();
  await page.getByRole('option', { name: /^The shop/ }).click();
  expect(await field(page).inputValue()).toBe('It is on its way.\n\nYour kettle shop');
  await page.getByRole('button', { name: 'Write as' }).click();
  await page.getByRole('option', { name: 'Ada of the kettle shop' }).click();
  await page.getByRole('button', { name: 'Write as Ada of the kettle shop' }).waitFor();
  // With all of it there is room for sending on a phone.
  await page.setViewportSize({ width: 390, height: 844 });
  const send = (await page.getByRole('button', { name: 'Send', exact: true }).boundingBox())!;
  expect(send.x + send.width).toBeLessThanOrEqual(390);
  await field(page).press('Control+Enter');
  await expect.poll(async () => (await desk.thread('a')).contents_count, { timeout: 15_000 }).toBe(2);
  const [content] = (await desk.server.get(`/contents?q=${encodeURIComponent(`thread:${thread.id}`)}`)).records;
  expect((await desk.server.get(`/identities/${content.author_id}`)).screenname).toBe('Ada of the kettle shop');
  expect(agent.errors).toEqual([]);
});
