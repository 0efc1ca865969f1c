// A day at work by keyboard alone: no pointer, and nothing is put into a field but what keys put there.

import { expect, test } from 'vitest';
import { Desk, lines, names, open, talk } from './cast.ts';

open();

type Page = import('playwright-core').Page;

/** Goes on by Tab until what has the focus is called so. */
async function tabsTo(page: Page, name: RegExp): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    await page.keyboard.press('Tab');
    const found = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      const labels = (element as HTMLInputElement | null)?.labels;
      return element?.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element?.textContent ?? '';
    });
    if (name.test(found)) return;
  }
  throw new Error(`Tab leads to nothing that is called ${name}`);
}

test('an agent signs in, answers, notes, categorises, gives away and closes, and sets something up, by keyboard only', async () => {
  const desk = await Desk.opens();
  const ben = await desk.hires('Ben');
  const root = await desk.server.post('/categories', { name: 'Topic', unselectable: true });
  const delivery = await desk.server.post('/categories', { name: 'Delivery', parent_id: root.id });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await desk.says('Marc Martin', 'b', 'Bonjour');
  const { page, agent } = await desk.sits('');
  const keys = page.keyboard;
  await page.getByLabel('E-mail').waitFor();
  await keys.type('admin@frontdesk.local');
  await keys.press('Tab');
  await keys.type(desk.server.password);
  await keys.press('Enter');
  await expect.poll(() => names(page)).toEqual(['Marc Martin', 'Vera Visitor']);
  const thread = await desk.thread('a');
  const now = () => desk.server.get(`/content_threads/${thread.id}?extended=true`);

  await keys.press('j');
  await keys.press('j');
  await keys.press('Enter');
  await talk(page).getByText('Where is my kettle?').waitFor();
  await keys.press('r');
  await keys.type('I ask the courier.');
  await keys.press('Control+Enter');
  await talk(page).locator('.ours:not([data-outgoing])').getByText('I ask the courier.').waitFor();
  await keys.press('Escape');
  await keys.press('c');
  await keys.type('Ask @Be');
  await page.getByRole('option', { name: /^Ben Agent/ }).waitFor();
  await keys.press('Enter');
  await keys.type('first');
  await keys.press('Control+Enter');
  await talk(page).locator('.note').getByText('Ask @Ben Agent first').waitFor();
  await keys.press('Escape');
  await keys.press('l');
  await page.getByRole('listbox', { name: /^Categories/ }).waitFor();
  await keys.type('deliv');
  await page.getByRole('option', { name: 'Topic › Delivery' }).waitFor();
  await keys.press('Enter');
  await expect.poll(async () => (await now()).thread_category_ids).toEqual([delivery.id]);
  await keys.press('Escape');
  await page.getByRole('listbox', { name: /^Categories/ }).waitFor({ state: 'detached' });

  // Closed, taken back, closed.
  await keys.press('f');
  await page.getByRole('button', { name: /^Undo/ }).waitFor();
  await keys.press('z');
  await page.getByRole('button', { name: /^Undo/ }).waitFor({ state: 'detached' });
  expect((await now()).intervention.closed_at).toBeNull();
  await keys.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to, or do' }).waitFor();
  await keys.type('mine');
  await keys.press('Enter');
  await page.getByRole('heading', { name: 'Mine' }).waitFor();
  await expect.poll(() => names(page)).toEqual(['Vera Visitor']);
  await keys.press('j');
  await keys.press('Enter');
  await talk(page).getByText('I ask the courier.').waitFor();
  await keys.press('f');
  await page.getByRole('button', { name: /^Undo/ }).waitFor();

  // The other one goes to a colleague.
  await keys.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to, or do' }).waitFor();
  await keys.type('unassigned');
  await keys.press('Enter');
  await page.getByRole('heading', { name: 'Unassigned' }).waitFor();
  await lines(page).getByText('Bonjour').waitFor();
  await keys.press('j');
  await keys.press('Enter');
  await talk(page).getByText('Bonjour').waitFor();
  await keys.press('a');
  await page.getByRole('listbox', { name: /^Assign/ }).waitFor();
  await keys.type('ben');
  await page.getByRole('option', { name: /^Ben Agent/ }).waitFor();
  await keys.press('Enter');
  await expect.poll(async () => (await desk.thread('b')).intervention?.user_id).toBe(ben.id);

  // And a tag is made.
  await keys.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to, or do' }).waitFor();
  await keys.type('administration');
  await keys.press('Enter');
  await page.getByRole('heading', { name: 'Administration' }).waitFor();
  await tabsTo(page, /^Tags/);
  await keys.press('Enter');
  await page.getByRole('heading', { name: 'No tags yet' }).waitFor();
  await tabsTo(page, /^New/);
  await keys.press('Enter');
  await page.getByLabel('Name').waitFor();
  await tabsTo(page, /^Name/);
  await keys.type('Regular');
  await keys.press('Enter');
  await page.getByRole('heading', { name: 'Regular' }).waitFor();
  expect((await desk.server.get('/tags')).records.map(({ name }: { name: string }) => name)).toEqual(['Regular']);
  await expect.poll(async () => !!(await now()).intervention.closed_at, { timeout: 15_000 }).toBe(true);
  expect(agent.errors).toEqual([]);
}, 60_000);
