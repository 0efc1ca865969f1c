// Watching over work, over the real server: who is there, which tasks are where and why, one agent at an address of their own.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { open as openStories, Site } from '../stories/cast.ts';
import { type Colleague, Desk, open } from './cast.ts';

openStories();
open();

type Page = import('playwright-core').Page;

const row = (page: Page, name: string) => page.locator('tbody tr').filter({ hasText: name });
const customers = (page: Page) => page.locator('tbody td:first-child a').allInnerTexts();

/** Two customers wait, and Ada is there to answer. */
async function queue(): Promise<{ desk: Desk; ada: Colleague }> {
  const desk = await Desk.opens();
  await desk.server.post('/channels', { name: 'Messages', source_ids: [desk.source.id], soft_capability: 1, hard_capability: 3 });
  const ada = await desk.hires('Ada');
  await ada.ask('POST', '/status/me/connect', {});
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await desk.says('Marc Martin', 'b', 'Bonjour');
  return { desk, ada };
}

test('a supervisor searches and sorts a queue, reads why a task is where it is, and hands one on', async () => {
  const { desk, ada } = await queue();
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/supervision' });
  await expect.poll(async () => (await customers(page)).toSorted()).toEqual(['Marc Martin', 'Vera Visitor']);
  await page.getByRole('button', { name: 'Customer' }).click();
  await expect.poll(() => customers(page)).toEqual(['Marc Martin', 'Vera Visitor']);
  await page.getByRole('button', { name: /^Customer/ }).click();
  await expect.poll(() => customers(page)).toEqual(['Vera Visitor', 'Marc Martin']);
  await page.getByRole('searchbox', { name: 'Search' }).fill('marc');
  await expect.poll(() => customers(page)).toEqual(['Marc Martin']);
  await page.reload();
  await expect.poll(() => customers(page)).toEqual(['Marc Martin']);
  await page.getByRole('searchbox', { name: 'Search' }).fill('');
  // She is offered the first one; the other waits, and its trace says why.
  const rings = async () => (await desk.server.get('/tasks')).records.find(({ agent_ids }: { agent_ids: string[] }) => agent_ids.includes(ada.id));
  await expect.poll(rings).toBeTruthy();
  await row(page, 'Ada Agent').getByRole('button', { name: 'Why is it here?' }).click();
  await page.locator('.trace').getByText('Rings at Ada Agent').waitFor();
  await row(page, 'Ada Agent').getByRole('button', { name: 'Why is it here?' }).click();
  await page.locator('tbody tr').filter({ hasNotText: 'Ada Agent' }).getByRole('button', { name: 'Why is it here?' }).click();
  await page.locator('.trace').getByText('Ada Agent: busy').first().waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);

  const waiting = page.locator('tbody tr').filter({ hasNotText: 'Ada Agent' }).filter({ has: page.getByRole('button', { name: 'What can be done with the task' }) });
  await waiting.getByRole('button', { name: 'What can be done with the task' }).click();
  await page.getByRole('option', { name: 'Move to: Undelivered' }).click();
  await expect.poll(() => customers(page)).toHaveLength(1);
  await page.getByLabel('Queue').selectOption('undelivered');
  await expect.poll(() => customers(page)).toHaveLength(1);
  await page.getByRole('button', { name: 'What can be done with the task' }).click();
  await page.getByRole('option', { name: 'Hand on' }).click();
  const dialog = page.getByRole('dialog', { name: 'Hand on' });
  await dialog.getByRole('option', { name: 'Ada Agent' }).click();
  await dialog.getByLabel('A word for them').fill('You know him.');
  await dialog.getByRole('button', { name: 'Hand on' }).click();
  await page.getByRole('heading', { name: 'No task here' }).waitFor();
  expect(agent.errors).toEqual([]);
});

test('a supervisor sees who is there, sends somebody away for a reason, and calls them back', async () => {
  const { desk, ada } = await queue();
  const lunch = await desk.server.post('/presence_status', { name: 'Lunch' });
  const { page } = await desk.sits(desk.server.token, { path: '/admin/supervision' });
  const there = page.getByRole('region', { name: 'Who is there' });
  await there.getByText('Messages: ').waitFor();
  const be = async (how: string) => {
    await there.getByRole('button', { name: 'Presence Ada Agent' }).click();
    await page.getByRole('option', { name: how }).click();
  };
  await be('Lunch');
  await there.getByText('Lunch').waitFor();
  expect((await desk.server.get(`/status/${ada.id}`)).custom_status.id).toBe(lunch.id);
  await be('Available');
  await expect.poll(async () => (await desk.server.get(`/status/${ada.id}`)).channels[0].status).toBe('available');
  await there.getByText('Lunch').waitFor({ state: 'detached' });
  // Who goes is gone here too.
  await ada.ask('POST', '/status/me/disconnect', {});
  await there.getByText('Nobody receives tasks at the moment.').waitFor();
});

test('one agent is watched at the documented address, by itself and within another site', async () => {
  const { desk, ada } = await queue();
  const rings = async () => (await ada.ask('GET', '/tasks')).records.find(({ agent_ids }: { agent_ids: string[] }) => agent_ids.includes(ada.id));
  await expect.poll(rings).toBeTruthy();
  await ada.ask('POST', `/tasks/${(await rings())!.id}/accept`, {});
  const address = `/supervision/users/${ada.id}?view=no-header`;
  const { page, agent } = await desk.sits(desk.server.token, { path: address });
  await page.getByRole('heading', { name: 'Ada Agent' }).waitFor();
  await page.getByRole('region', { name: 'Presence' }).getByText('Messages: busy').waitFor();
  await expect.poll(() => customers(page)).toHaveLength(1);
  // Nothing else can be reached from there.
  expect(await page.getByRole('navigation').isVisible()).toBe(false);
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);

  const around = await Site.start('');
  around.pages['/'] = { body: `<iframe width="1200" height="700" src="${desk.server.url}${address}"></iframe>` };
  await desk.server.put('/settings', { deny_iframe_integration: false });
  await page.goto(`${around.url}/`);
  const inside = page.frameLocator('iframe');
  // In the frame of another site this browser may keep nothing: one signs in there.
  await inside.getByRole('heading', { name: 'Ada Agent' }).or(inside.getByRole('button', { name: 'Use an access token instead' })).waitFor();
  if (await inside.getByRole('button', { name: 'Use an access token instead' }).isVisible()) {
    await inside.getByRole('button', { name: 'Use an access token instead' }).click();
    await inside.getByLabel('Access token').fill(desk.server.token);
    await inside.getByRole('button', { name: 'Sign in' }).click();
  }
  await inside.getByRole('heading', { name: 'Ada Agent' }).waitFor();

  // Who may not watch over others sees nothing of it.
  const ben = await desk.hires('Ben');
  const { page: his } = await desk.sits(ben.token, { path: address });
  await his.getByRole('heading', { name: 'Nothing here is yours to set up' }).or(his.locator('.overview')).waitFor();
  expect(await his.getByText('Ada Agent').count()).toBe(0);
});

test('on a phone a task stands by itself, and why it is there below it', async () => {
  const { desk } = await queue();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/supervision', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const why = page.getByRole('button', { name: 'Why is it here?' }).first();
  // What a value is called stands at the other side of it.
  expect(await row(page, 'Vera Visitor').locator('td[data-label=Channel]').evaluate((cell) => getComputedStyle(cell).justifyContent)).toBe('space-between');
  await why.tap();
  const trace = page.locator('.trace');
  await trace.getByText('Arrived').waitFor();
  const [left, width] = await trace.evaluate((list) => [list.getBoundingClientRect().left, list.getBoundingClientRect().width]);
  expect(left).toBeLessThan(60);
  expect(width).toBeGreaterThan(280);
  expect(await page.locator('.admin-page').evaluate((all) => all.scrollWidth - all.clientWidth)).toBe(0);
  expect(await violations(page.mainFrame())).toEqual([]);
});
