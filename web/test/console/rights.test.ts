// A right that somebody loses goes from the screen that they have open, over the real server. What a right shows is there
// first.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import { type Colleague, Desk, lines, open, talk } from './cast.ts';

open();

type Json = Record<string, any>;

let opened: { close: () => unknown }[] = [];
afterEach(() => {
  for (const one of opened) one.close();
  opened = [];
});

const field = (page: Page) => page.getByRole('textbox', { name: /^Reply to/ });
const at = (thread: Json) => ({ path: `/inbox/all/${thread.id}` });

/** A role of somebody's own, with these permissions beside an agent's. */
async function mayAlso(desk: Desk, somebody: Colleague, ...permissions: string[]): Promise<(permission: string) => Promise<unknown>> {
  const agent = (await desk.server.get('/roles?extended=true')).records.find(({ label }: Json) => label === 'Agent');
  const held = Object.entries(agent as Json).filter(([, is]) => is === true);
  const role = await desk.server.post('/roles', { label: 'Head', ...Object.fromEntries(held), ...Object.fromEntries(permissions.map((name) => [name, true])) });
  await desk.server.put(`/users/${somebody.id}`, { role_id: role.id });
  return (permission) => desk.server.put(`/roles/${role.id}`, { [permission]: false });
}

/** What a menu offers at this moment. */
async function offered(page: Page, opens: () => Promise<void>): Promise<string[]> {
  await opens();
  await page.getByRole('option').first().waitFor();
  const found = await page.getByRole('option').allInnerTexts();
  await page.keyboard.press('Escape');
  await page.getByRole('listbox').waitFor({ state: 'detached' });
  return found.map((text) => text.split('\n')[0]!);
}

test('who may not answer any more reads on, with what they wrote kept', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const ada = await desk.hires('Ada');
  const thread = await desk.thread('a');
  const rights = (words: string) => desk.server.put(`/users/${ada.id}/sources_permissions`, { [desk.source.id]: words });
  const { page, agent } = await desk.sits(ada.token, at(thread));
  await field(page).fill('It is on its w');
  await rights('read');
  await talk(page).getByText('You may read on this source, and not answer.').waitFor();
  expect([await field(page).count(), await talk(page).getByRole('button', { name: 'Send', exact: true }).count()]).toEqual([0, 0]);
  await talk(page).getByText('Where is my kettle?').waitFor();
  await rights('read,reply');
  await expect.poll(() => field(page).inputValue()).toBe('It is on its w');
  expect(agent.errors).toEqual([]);
});

test('what only a channel can do goes with the right to answer, and deleting with its own', async () => {
  const objects = { messages: ['create', 'reply', 'warn', 'delete', 'publish', 'unpublish'] };
  const channel = createServer((request, response) => {
    request.resume().on('end', () => response.end(JSON.stringify({ objects, options: ['messages.text'] })));
  });
  opened.push(channel);
  await new Promise<void>((done) => channel.listen(0, '127.0.0.1', done));
  const desk = await Desk.opens('--allow-outbound', '127.0.0.0/8');
  await desk.server.put(`/content_sources/${desk.source.id}`, { base_uri: `http://127.0.0.1:${(channel.address() as AddressInfo).port}/` });
  const ada = await desk.hires('Ada', 'read,reply,destroy');
  const loses = await mayAlso(desk, ada, 'publish_content', 'anonymize_identity', 'delete_content_thread', 'mute_content', 'lock_identity');
  await expect.poll(async () => !!(await desk.server.get(`/content_sources/${desk.source.id}?extended=true`)).implementation).toBe(true);
  await desk.says('Vera Visitor', 'a', 'You are all fools', { actions: ['reply', 'warn', 'delete', 'unpublish'] });
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(ada.token, at(thread));
  const message = page.getByRole('article', { name: /^Vera Visitor/ });
  const ofMessage = () =>
    offered(page, async () => {
      await message.hover();
      await message.getByRole('button', { name: 'What can be done with this message' }).click();
    });
  const ofThread = () => offered(page, () => talk(page).getByRole('button', { name: 'More' }).click());
  const ofCustomer = () => offered(page, () => page.getByRole('button', { name: 'What can be done with the customer' }).click());
  expect(await ofMessage()).toEqual(expect.arrayContaining(['Warn', 'Hide from everybody', 'Erase what it says', 'Delete on its channel']));
  expect(await ofThread()).toEqual(expect.arrayContaining(['Delete the conversation', 'Mute the thread']));
  expect(await ofCustomer()).toEqual(expect.arrayContaining(['Edit what is known', 'Mute the customer', 'Forget who this is']));

  await desk.server.put(`/users/${ada.id}/sources_permissions`, { [desk.source.id]: 'read,reply' });
  await expect.poll(ofMessage).not.toContain('Delete on its channel');
  await desk.server.put(`/users/${ada.id}/sources_permissions`, { [desk.source.id]: 'read' });
  await expect.poll(ofMessage).not.toContain('Warn');
  await loses('publish_content');
  await expect.poll(ofMessage).not.toContain('Hide from everybody');
  await loses('anonymize_identity');
  await expect.poll(ofMessage).not.toContain('Erase what it says');
  await expect.poll(ofCustomer).not.toContain('Forget who this is');
  await loses('delete_content_thread');
  await expect.poll(ofThread).not.toContain('Delete the conversation');
  await loses('mute_content');
  await expect.poll(ofThread).not.toContain('Mute the thread');
  await loses('update_identity');
  await expect.poll(() => page.getByRole('button', { name: 'What can be done with the customer' }).count()).toBe(0);
  expect(agent.errors).toEqual([]);
});

test('what is done with many goes with its right, and what was chosen with the right to read it', async () => {
  const desk = await Desk.opens();
  for (const thread of ['a', 'b']) {
    await desk.says(`Author ${thread}`, thread, 'Hello');
    await desk.server.post('/contents', { in_reply_to_id: (await desk.thread(thread)).last_content.id, body: 'Good day.' });
  }
  const ada = await desk.hires('Ada');
  const loses = await mayAlso(desk, ada, 'update_intervention');
  const { page, agent } = await desk.sits(ada.token, { path: '/inbox/all' });
  for (const thread of ['a', 'b']) await page.getByRole('checkbox', { name: `Select the conversation with Author ${thread}` }).check();
  const bar = page.getByRole('toolbar', { name: '2 selected' });
  const has = async () => [await bar.getByRole('button', { name: 'Assign' }).count(), await bar.getByRole('button', { name: 'Close', exact: true }).count(), await bar.getByRole('button', { name: 'Archive' }).count()];
  await expect.poll(has).toEqual([1, 1, 1]);
  // They are a colleague’s: she may not close them, and may still give them away.
  await loses('update_intervention');
  await expect.poll(has).toEqual([1, 0, 1]);
  await loses('assign_intervention');
  await expect.poll(has).toEqual([0, 0, 1]);
  // Nor does she take one of them from that colleague.
  await lines(page).getByText('Author a').click();
  await talk(page).getByText('Good day.').waitFor();
  expect(await talk(page).getByRole('button', { name: 'Take', exact: true }).count()).toBe(0);
  await desk.server.put(`/users/${ada.id}/sources_permissions`, { [desk.source.id]: '' });
  await bar.waitFor({ state: 'detached' });
  await expect.poll(() => lines(page).count()).toBe(0);
  expect(agent.errors).toEqual([]);
});

test('administration and supervision close to who may not be there any more, and nothing in them can be deleted', async () => {
  const desk = await Desk.opens();
  const tag = await desk.server.post('/tags', { name: 'Regular' });
  const ada = await desk.hires('Ada');
  const loses = await mayAlso(desk, ada, 'manage_tags', 'manage_teams', 'monitor_tasks');
  const { page, agent } = await desk.sits(ada.token, { path: `/admin/tags/${tag.id}` });
  const menu = page.getByRole('navigation').getByRole('link');
  await page.getByRole('button', { name: 'Delete' }).waitFor();
  await expect.poll(() => menu.allInnerTexts()).toEqual(expect.arrayContaining(['Tags', 'Teams', 'Supervision']));
  await loses('manage_tags');
  await expect.poll(() => page.getByRole('button', { name: 'Delete' }).count()).toBe(0);
  await expect.poll(() => menu.allInnerTexts()).not.toContain('Tags');
  await menu.getByText('Supervision').click();
  await page.getByRole('heading', { name: 'Supervision', level: 1 }).waitFor();
  await loses('monitor_tasks');
  await page.getByRole('heading', { name: 'Supervision', level: 1 }).waitFor({ state: 'detached' });
  expect(await menu.allInnerTexts()).not.toContain('Supervision');
  expect(agent.errors).toEqual([]);
});

test('who has access to no source is told so, and who can change it; it ends the moment somebody does', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const ada = await desk.hires('Ada', '');
  const { page, agent } = await desk.sits(ada.token);
  await page.getByRole('heading', { name: 'You have access to no source' }).waitFor();
  await page.getByText('under Administration › Users, on your page, at “What they may on each source”').waitFor();
  expect([await page.getByText('Nobody waits').count(), await page.getByRole('button', { name: 'Set up a source' }).count()]).toEqual([0, 0]);
  await desk.server.put(`/users/${ada.id}/sources_permissions`, { [desk.source.id]: 'read' });
  await lines(page).getByText('Vera Visitor').waitFor();
  expect(agent.errors).toEqual([]);

  // Who may set one up is led there.
  const me = await desk.server.get('/users/me');
  await desk.server.put(`/users/${me.id}/sources_permissions`, { [desk.source.id]: '' });
  const { page: own } = await desk.sits(desk.server.token, { locale: 'fr', viewport: { width: 390, height: 844 } });
  await own.getByRole('heading', { name: 'Vous n’avez accès à aucune source' }).waitFor();
  await own.getByRole('button', { name: 'Créer une source' }).click();
  await own.getByRole('group', { name: 'Quel genre d’endroit ?' }).waitFor();
});
