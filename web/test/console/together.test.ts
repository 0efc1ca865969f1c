// Two people who change the same thing, over the real server: neither takes the place of the other unseen.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Visitor } from '../browser.ts';
import { Desk, open, talk } from './cast.ts';

open();

type Json = Record<string, any>;

const at = (thread: Json) => ({ path: `/inbox/all/${thread.id}` });
const card = (page: Page) => page.getByRole('complementary', { name: 'Customer' });

/** Their screen hears of nothing that others do from now on: as in the moment before it does. */
async function goesDeaf(agent: Visitor, page: Page): Promise<void> {
  await agent.context.route(/\/1\.0\/stream/, (route) => route.abort());
  await page.reload();
}

test('two agents categorise a conversation: what both chose is there, and where only one may be, both are told', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  const [topic, urgency] = [await server.post('/categories', { name: 'Topic', unselectable: true, multiple: true }), await server.post('/categories', { name: 'Urgency', unselectable: true })];
  const made = (name: string, root: Json) => server.post('/categories', { name, parent_id: root.id });
  const [refund, kettle, low, high, medium] = [await made('Refund', topic), await made('Kettle', topic), await made('Low', urgency), await made('High', urgency), await made('Medium', urgency)];
  await desk.says('Vera Visitor', 'a', 'Money back, please');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(server.token, at(thread));
  await goesDeaf(agent, page);
  await talk(page).getByText('Money back, please').waitFor();
  const held = async () => (await desk.thread('a')).thread_category_ids.toSorted();
  const ids = (...all: Json[]) => all.map(({ id }) => id).toSorted();
  const chooses = async (name: string) => {
    await page.getByRole('combobox', { name: /^Categories/ }).fill(name);
    await page.getByRole('option', { name: `› ${name}` }).click();
  };
  const colleague = (...all: Json[]) => server.put(`/content_threads/${thread.id}/update_categories`, { thread_category_ids: ids(...all) });
  await page.keyboard.press('l');
  await colleague(refund, low);
  await chooses('Kettle');
  await expect.poll(held).toEqual(ids(refund, low, kettle));
  await expect.poll(() => page.getByRole('option', { selected: true }).count()).toBe(1);
  await colleague(refund, kettle, high);
  await chooses('Medium');
  await page.getByText('A colleague has changed this meanwhile, to: Urgency › High.').waitFor();
  expect(await held()).toEqual(ids(refund, kettle, high));
  // Who has seen it may still want another.
  await page.getByRole('combobox', { name: /^Categories/ }).fill('high');
  await page.getByRole('option', { name: 'Urgency › High', selected: true }).waitFor();
  await chooses('Medium');
  await expect.poll(held).toEqual(ids(refund, kettle, medium));
  await page.keyboard.press('Escape');

  expect(agent.errors).toEqual([]);
});

test('two agents say what one message is about: what both chose is there', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  const topic = await server.post('/categories', { name: 'Topic', unselectable: true, multiple: true });
  const [refund, kettle] = [await server.post('/categories', { name: 'Refund', parent_id: topic.id }), await server.post('/categories', { name: 'Kettle', parent_id: topic.id })];
  await desk.says('Vera Visitor', 'a', 'Money back, please');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(server.token, at(thread));
  await goesDeaf(agent, page);
  const message = page.getByRole('article', { name: /^Vera Visitor/ });
  await message.hover();
  await message.getByRole('button', { name: 'What can be done with this message' }).click();
  await page.getByRole('option', { name: 'Categories', exact: true }).click();
  await page.getByRole('option', { name: 'Topic › Kettle' }).waitFor();
  const path = `/contents/${thread.last_content.id}`;
  await server.put(`${path}/update_categories`, { category_ids: [refund.id] });
  await page.getByRole('option', { name: 'Topic › Kettle' }).click();
  await expect.poll(async () => (await server.get(path)).category_ids.toSorted()).toEqual([refund.id, kettle.id].toSorted());
  await message.locator('.badge').getByText('Topic › Refund').waitFor();
  expect(agent.errors).toEqual([]);
});

test('how a case ended is not said over a colleague’s word', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  const outcome = await server.post('/categories', { name: 'Outcome', unselectable: true, mandatory: true, post_qualification: true });
  await server.post('/categories', { name: 'Solved', parent_id: outcome.id });
  const lost = await server.post('/categories', { name: 'Lost', parent_id: outcome.id });
  await desk.says('Vera Visitor', 'a', 'Thank you!');
  const thread = await desk.thread('a');
  await server.post('/contents', { in_reply_to_id: thread.last_content.id, body: 'You are welcome.' });
  const { page, agent } = await desk.sits(server.token, at(thread));
  await goesDeaf(agent, page);
  await talk(page).getByText('You are welcome.').waitFor();
  await page.keyboard.press('f');
  await page.getByRole('option', { name: 'Outcome › Solved' }).waitFor();
  const { id } = (await desk.thread('a')).intervention;
  await server.put(`/interventions/${id}/update_categories`, { category_ids: [lost.id] });
  await page.getByRole('option', { name: 'Outcome › Solved' }).click();
  await page.getByText('A colleague has changed this meanwhile, to: Outcome › Lost.').waitFor();
  const found = await server.get(`/interventions/${id}`);
  expect([found.category_ids, found.closed]).toEqual([[lost.id], false]);
});

test('two agents write down what they know of one customer: tags of both stay, and of one field both are shown', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  const [regular, loud] = [await server.post('/tags', { name: 'Regular' }), await server.post('/tags', { name: 'Loud' })];
  await server.post('/custom_fields', { associated_type_name: 'IdentityGroup', label: 'Plan', type: 'string', key: 'plan' });
  await desk.says('Vera Visitor', 'a', 'Hello');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(server.token, at(thread));
  await goesDeaf(agent, page);
  await talk(page).getByText('Hello').waitFor();
  const dialog = page.getByRole('dialog', { name: 'Edit what is known' });
  const edits = async () => {
    await card(page).getByRole('button', { name: 'What can be done with the customer' }).click();
    await page.getByRole('option', { name: 'Edit what is known' }).click();
    await dialog.waitFor();
  };
  const saves = () => dialog.getByRole('button', { name: 'Save' }).click();
  // Nobody has written anything down yet: the first two do so at once.
  await edits();
  await dialog.getByLabel('Company').fill('Kettles Ltd');
  const group = await server.put(`/identities/${thread.customer.id}/identity_group?extended=true`, { company: 'Kettles Inc', tag_ids: [loud.id] });
  await saves();
  await dialog.getByText('Company was changed meanwhile to: Kettles Inc.').waitFor();
  expect(await dialog.getByLabel('Company').inputValue()).toBe('Kettles Ltd');
  const known = () => server.get(`/identity_groups/${group.id}?extended=true`);
  expect((await known()).company).toBe('Kettles Inc');
  await saves();
  await dialog.waitFor({ state: 'detached' });
  expect((await known()).company).toBe('Kettles Ltd');

  await edits();
  await dialog.getByLabel('Notes').fill('Prefers letters');
  await dialog.getByLabel('Plan').fill('Gold');
  await server.put(`/identity_groups/${group.id}`, { notes: 'Prefers the telephone', custom_field_values: { plan: 'Silver' } });
  await saves();
  await dialog.getByText('Notes was changed meanwhile to: Prefers the telephone.').waitFor();
  await dialog.getByText('Plan was changed meanwhile to: Silver.').waitFor();
  expect(await known()).toMatchObject({ notes: 'Prefers the telephone', custom_field_values: { plan: 'Silver' } });
  await saves();
  await dialog.waitFor({ state: 'detached' });
  expect(await known()).toMatchObject({ notes: 'Prefers letters', custom_field_values: { plan: 'Gold' } });

  await server.put(`/identity_groups/${group.id}`, { tag_ids: [] });
  await page.reload();
  await card(page).getByRole('button', { name: 'Tags' }).click();
  await page.getByRole('option', { name: 'Regular' }).waitFor();
  await server.put(`/identity_groups/${group.id}`, { tag_ids: [loud.id] });
  await page.getByRole('option', { name: 'Regular' }).click();
  await expect.poll(async () => (await known()).tag_ids.toSorted()).toEqual([regular.id, loud.id].toSorted());
  await card(page).locator('.badge').getByText('Loud').waitFor();
  expect(agent.errors).toEqual([]);
});

test('a folder that a colleague has renamed meanwhile is not renamed unseen', async () => {
  const desk = await Desk.opens();
  const folder = await desk.server.post('/folders', { label: 'Complaints', query: 'text:refund' });
  const { page } = await desk.sits(desk.server.token, { path: `/inbox/${folder.id}` });
  await page.getByRole('heading', { name: 'Complaints' }).waitFor();
  const renames = async (as: string, meanwhile?: string) => {
    page.once('dialog', async (dialog) => {
      if (meanwhile) await desk.server.put(`/folders/${folder.id}`, { label: meanwhile });
      await dialog.accept(as);
    });
    await page.getByRole('button', { name: 'What can be done with the folder' }).click();
    await page.getByRole('option', { name: 'Rename' }).click();
  };
  await renames('Refunds', 'Money');
  await page.getByText('A colleague has changed this meanwhile, to: Money.').waitFor();
  await page.getByRole('heading', { name: 'Money' }).waitFor();
  await renames('Refunds');
  await page.getByRole('heading', { name: 'Refunds' }).waitFor();
  expect((await desk.server.get('/folders')).records[0].label).toBe('Refunds');
});

test('every form of administration shows both when two have changed one field', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  const me = await server.get('/users/me');
  const entry = await server.post('/reply_assistant/entries', { label: 'Delivery' });
  const version = await server.post('/reply_assistant/versions', { entry_id: entry.id, format: 'text', body: 'Three days' });
  const signature = await server.post(`/users/${me.id}/signatures`, { body: 'Kind regards', name: 'Kind' });
  // Somebody has to be there for its steps.
  await server.post('/channels', { name: 'Messages', source_ids: [desk.source.id] });
  await desk.hires('Ben');
  const topology = await server.post('/topologies', { name: 'Day', json_config: JSON.stringify({ version: 1, steps: [{ name: 'everybody', agents: { everyone: true } }] }) });
  const site = await server.source('mobile_messaging');
  const forms: { page: string; label: string; path: string; name: string; opens?: string }[] = [
    { page: `/admin/sources/${desk.source.id}`, label: 'Name', path: `/content_sources/${desk.source.id}`, name: 'name' },
    { page: `/admin/topologies/${topology.id}`, label: 'Name', path: `/topologies/${topology.id}`, name: 'name' },
    { page: `/admin/reply_entries/${entry.id}`, label: 'Name', path: `/reply_assistant/entries/${entry.id}`, name: 'label' },
    { page: `/admin/reply_entries/${entry.id}`, label: 'Text', path: `/reply_assistant/versions/${version.id}`, name: 'body' },
    { page: '/admin/settings', label: 'What it is called', path: '/settings', name: 'name' },
    { page: `/admin/sources/${site.id}/messaging`, label: 'Where mails about unread messages lead', path: `/content_sources/${site.id}/messaging`, name: 'back_to_chat_url' },
    { page: `/admin/users/${me.id}`, label: 'External id in signed tokens (JWT)', path: `/users/${me.id}/jwt_external_id`, name: 'jwt_external_id' },
    { page: '/account', label: 'Text', path: `/users/${me.id}/signatures/${signature.id}`, name: 'body', opens: 'Kind' },
  ];
  const { page, agent } = await desk.sits(server.token, { path: '/admin' });
  for (const { page: where, label, path, name, opens } of forms) {
    const isAddress = name.endsWith('_url');
    const [mine, theirs] = isAddress ? ['https://mine.example/', 'https://theirs.example/'] : ['Mine', 'Theirs'];
    await page.goto(`${server.url}${where}`);
    if (opens) await page.getByText(opens, { exact: true }).click();
    const form = page.locator('form', { has: page.getByLabel(label, { exact: true }) }).first();
    await form.getByLabel(label, { exact: true }).fill(mine);
    await server.put(path, { [name]: theirs });
    await form.getByRole('button', { name: 'Save' }).click();
    const clash = page.getByRole('alert').filter({ hasText: 'Somebody changed this meanwhile' });
    await clash.getByText(`Theirs: ${theirs}`).waitFor();
    await clash.getByText(`Yours: ${mine}`).waitFor();
    const read = async () => (await server.get(`${path}?extended=true`))[name];
    expect(await read(), where).toBe(theirs);
    await clash.getByRole('button', { name: 'Keep yours' }).click();
    await form.getByRole('button', { name: 'Save' }).click();
    await expect.poll(read, { message: where }).toBe(mine);
  }
  expect(agent.errors).toEqual([]);
});
