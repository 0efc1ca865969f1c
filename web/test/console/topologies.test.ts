// The steps of a topology, over the real server.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, open } from './cast.ts';

open();

type Page = import('playwright-core').Page;

const steps = (page: Page) => page.getByRole('group', { name: /^\d\. / });
const called = (page: Page) => steps(page).locator('> legend').allInnerTexts();
const focused = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));

/** A desk with a channel, a team and a category. */
async function office() {
  const desk = await Desk.opens();
  const channel = await desk.server.post('/channels', { name: 'Messages', source_ids: [desk.source.id] });
  const ada = await desk.hires('Ada');
  const team = await desk.server.post('/teams', { name: 'First line', user_ids: [ada.id] });
  return { desk, channel, ada, team };
}

test('a topology is made step by step: chosen, filled in, put in order and taken out, while the picture follows', async () => {
  const { desk, channel, ada, team } = await office();
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/topologies/new' });
  await page.getByLabel('Name', { exact: true }).fill('Day');
  await expect.poll(() => called(page)).toEqual(['1. everybody']);
  const picture = page.getByRole('img', { name: /How a task finds its agent/ });
  const told = () => picture.getAttribute('aria-label');
  const add = async (kind: string) => {
    await page.getByRole('button', { name: 'Add a step' }).click();
    await page.getByRole('option', { name: kind, exact: true }).click();
  };
  await add('Teams');
  await add('Who had the customer last');
  await expect.poll(() => called(page)).toEqual(['1. everybody', '2. team', '3. last agent']);
  // By the keyboard, which stays where it is.
  const up = page.getByRole('button', { name: 'Move last agent up' });
  await up.press('Enter');
  await expect.poll(() => called(page)).toEqual(['1. everybody', '2. last agent', '3. team']);
  await page.keyboard.press('Enter');
  await expect.poll(() => called(page)).toEqual(['1. last agent', '2. everybody', '3. team']);
  await expect.poll(() => focused(page)).toBe('Move last agent down');
  await page.getByRole('button', { name: 'Move everybody down' }).press('Enter');
  await expect.poll(() => called(page)).toEqual(['1. last agent', '2. team', '3. everybody']);
  await expect.poll(told).toMatch(/last agent: .* → team\. team: .* → everybody\. everybody: .* → Undelivered/);

  const [last, middle, everybody] = [1, 2, 3].map((number) => page.getByRole('group', { name: new RegExp(`^${number}\\. `) })) as [ReturnType<Page['getByRole']>, ReturnType<Page['getByRole']>, ReturnType<Page['getByRole']>];
  // What is wrong is said where it is written, and not saved.
  await last.getByLabel('A task stays here').fill('a while');
  await last.getByText('Write a span such as').waitFor();
  await last.getByLabel('A task stays here').fill('30s');
  await middle.getByLabel('Name of the step').fill('everybody');
  await middle.getByText('Another one has this name.').waitFor();
  await page.getByRole('button', { name: 'Create' }).click();
  expect((await desk.server.get('/topologies')).count).toBe(0);
  await middle.getByLabel('Name of the step').fill('first line');
  await expect.poll(told).toContain('→ first line. first line:');
  await middle.getByLabel('A task stays here').fill('5m');
  await everybody.getByLabel('A task stays here').fill('');
  await everybody.getByLabel('It rings').selectOption({ label: 'at all who are free: the first to accept has it' });
  // The server says the rest, at the step and at the field.
  await page.getByRole('button', { name: 'Create' }).click();
  await middle.getByRole('alert').getByText('Must say who may answer').waitFor();
  await middle.getByRole('button', { name: 'Choose Of one of these teams' }).click();
  await page.getByRole('option', { name: 'First line', exact: true }).click();
  await page.keyboard.press('Escape');
  await middle.getByLabel('Only who speaks the task’s language').check();
  await middle.getByText('For which tasks').click();
  await middle.getByRole('button', { name: 'Choose Channels' }).click();
  await page.getByRole('option', { name: 'Messages' }).click();
  await page.keyboard.press('Escape');
  await middle.getByLabel('Priority above').fill('5');
  await middle.getByLabel('So long at each').fill('10m');
  await page.getByRole('button', { name: 'Create' }).click();
  await middle.getByRole('alert').getByText('Must not be longer than the step itself').waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  await middle.getByLabel('So long at each').fill('20s');
  await page.getByRole('button', { name: 'Add a queue' }).click();
  const queue = page.getByRole('group', { name: 'Queue aside' });
  await queue.getByLabel('Then it goes to').selectOption('first line');
  await expect.poll(told).toContain('First line');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Day' }).waitFor();
  const read = async () => (await desk.server.get('/topologies')).records[0].config;
  const config = {
    version: 1,
    steps: [
      { name: 'last agent', agents: { last_agent: true }, for: '30s', next: 'first line' },
      { name: 'first line', when: { channel_ids: [channel.id], priority_over: 5 }, agents: { team_ids: [team.id], language_match: true }, ring: '20s', for: '5m', next: 'everybody' },
      { name: 'everybody', agents: { everyone: true }, offer: 'all' },
    ],
    queues: [{ name: 'aside', next: 'first line' }],
  };
  expect(await read()).toEqual(config);

  // What led to a step that goes leads to where that led; somebody by name takes its place.
  await page.getByRole('button', { name: 'Take first line out', exact: true }).click();
  await expect.poll(() => called(page)).toEqual(['1. last agent', '2. everybody']);
  await expect.poll(() => focused(page)).toBe('Take everybody out');
  expect(await queue.getByLabel('Then it goes to').inputValue()).toBe('everybody');
  const all = page.getByRole('group', { name: '2. everybody' });
  await all.getByLabel('Who may answer').selectOption({ label: 'Those of whom all of this is so' });
  await all.getByRole('button', { name: 'Choose One of these people' }).click();
  await page.getByRole('option', { name: 'Ada Agent' }).click();
  await page.keyboard.press('Escape');
  await expect.poll(told).toContain('everybody: Ada Agent → Undelivered');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(read).toEqual({
    version: 1,
    steps: [config.steps[0]!, { name: 'everybody', agents: { agent_ids: [ada.id] }, offer: 'all' }].map((step, at) => (at ? step : { ...step, next: 'everybody' })),
    queues: [{ name: 'aside', next: 'everybody' }],
  });
  expect(agent.errors).toEqual([]);
});

test('form and JSON are the same thing; what the form cannot show stays in reach', async () => {
  const { desk } = await office();
  const made = await desk.server.post('/topologies', { name: 'Day', json_config: JSON.stringify({ version: 1, start: 'all', steps: [{ name: 'late', agents: { everyone: true } }, { name: 'all', agents: { everyone: true }, for: 600, next: 'late' }] }) });
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/topologies/${made.id}` });
  await expect.poll(() => called(page)).toEqual(['1. late', '2. all']);
  expect(await page.getByLabel('A task begins at').inputValue()).toBe('all');
  const all = page.getByRole('group', { name: '2. all' });
  expect(await all.getByLabel('A task stays here').inputValue()).toBe('10m');
  await page.getByText('The same as JSON').click();
  const json = page.getByLabel('JSON', { exact: true });
  await all.getByLabel('A task stays here').fill('1h');
  await expect.poll(async () => JSON.parse(await json.inputValue()).steps[1].for).toBe('1h');
  const text = await json.inputValue();
  await json.fill(text.replace('"late"', '"night"').slice(0, -3));
  await page.getByText('This is no document with steps').waitFor();
  expect(await steps(page).count()).toBe(0);
  await json.fill(text.replaceAll('"late"', '"night"'));
  await expect.poll(() => called(page)).toEqual(['1. night', '2. all']);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/topologies/${made.id}`)).config.steps.map(({ name }: { name: string }) => name)).toEqual(['night', 'all']);
  // One that leads is looked at only.
  await page.getByRole('button', { name: 'Let it lead' }).click();
  await page.getByText('This one leads.').waitFor();
  await expect.poll(() => all.getByLabel('A task stays here').isDisabled()).toBe(true);
  expect(await page.getByRole('button', { name: 'Add a step' }).isDisabled()).toBe(true);
  expect(agent.errors).toEqual([]);
});

test('steps are made on a phone, in French', async () => {
  const { desk } = await office();
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/topologies/new', locale: 'fr', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await page.getByLabel('Nom', { exact: true }).fill('Jour');
  await page.getByRole('button', { name: 'Ajouter une étape' }).tap();
  await page.getByRole('option', { name: 'Qui avait le client en dernier' }).tap();
  await page.getByRole('button', { name: 'Monter dernier agent' }).tap();
  await expect.poll(() => called(page)).toEqual(['1. dernier agent', '2. tous']);
  await page.getByRole('group', { name: '1. dernier agent' }).getByLabel('Une tâche reste ici').fill('1j');
  await page.getByRole('group', { name: '2. tous' }).getByLabel('Une tâche reste ici').fill('');
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(await page.locator('.admin-page').evaluate((all) => all.scrollWidth - all.clientWidth)).toBe(0);
  await page.getByRole('button', { name: 'Créer' }).tap();
  await page.getByRole('heading', { name: 'Jour' }).waitFor();
  const { config } = (await desk.server.get('/topologies')).records[0];
  expect(config.steps).toEqual([{ name: 'dernier agent', agents: { last_agent: true }, for: '1d', next: 'tous' }, { name: 'tous', agents: { everyone: true } }]);
  expect(agent.errors).toEqual([]);
});
