// What an account wants of everybody's screens, over the real server: each setting with what it does.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, open, talk } from './cast.ts';

open();

const field = (page: import('playwright-core').Page) => page.getByRole('textbox', { name: /^Reply to/ });

test('an administrator chooses the font and whether spelling is checked, and agents have it so', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Où est ma bouilloire ?', { language: 'fr' });
  const ada = await desk.hires('Ada', 'read,reply,reply_with_html');
  const { page, agent } = await desk.sits(ada.token, { path: `/inbox/all/${(await desk.thread('a')).id}` });
  const writes = () => field(page).evaluate((written: HTMLTextAreaElement) => ({ checked: written.spellcheck, lang: written.lang }));
  const font = () => page.evaluate(() => getComputedStyle(document.body).fontFamily.split(',')[0]);
  await expect.poll(writes).toEqual({ checked: true, lang: 'fr' });
  expect(await font()).toBe('Inter');
  const { page: his } = await desk.sits(desk.server.token, { path: '/admin/settings' });
  await his.getByLabel('Spelling is checked while people write').uncheck();
  await his.getByLabel('The console is in the system’s font').check();
  await his.getByRole('button', { name: 'Save' }).click();
  await his.getByText('Saved').waitFor();
  await expect.poll(() => his.evaluate(() => getComputedStyle(document.body).fontFamily.split(',')[0])).toBe('system-ui');
  await page.reload();
  await expect.poll(writes).toEqual({ checked: false, lang: 'fr' });
  expect(await font()).toBe('system-ui');
  // In the field with form as well.
  await page.getByRole('button', { name: 'Formatting' }).click();
  await page.locator('.rich[contenteditable]').waitFor();
  expect(await page.locator('.rich').evaluate((written: HTMLElement) => ({ checked: written.spellcheck, lang: written.lang }))).toEqual({ checked: false, lang: 'fr' });
  expect(agent.errors).toEqual([]);
});

test('where the account wants it, Arabic is read and written from the right, whatever it begins with', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'iPhone 15: أين طلبي؟', { language: 'ar' });
  await desk.says('Marc', 'b', 'Where is it?', { language: 'en' });
  const { page, agent } = await desk.sits(desk.server.token, { path: `/inbox/all/${(await desk.thread('a')).id}` });
  const directions = async () => {
    const said = talk(page).locator('.message .text').first();
    await said.waitFor();
    return [await said.evaluate((text) => getComputedStyle(text).direction), await field(page).evaluate((text) => getComputedStyle(text).direction)];
  };
  // By the first letter, which is not enough here.
  await expect.poll(directions).toEqual(['ltr', 'ltr']);
  await desk.server.put('/settings', { rtl_support: true });
  await page.reload();
  await expect.poll(directions).toEqual(['rtl', 'rtl']);
  expect(await violations(page.mainFrame())).toEqual([]);
  await page.goto(`${new URL(page.url()).origin}/inbox/all/${(await desk.thread('b')).id}`);
  await expect.poll(directions).toEqual(['ltr', 'ltr']);
  expect(agent.errors).toEqual([]);
});

test('conversations follow what is new, or stay where one reads, as the account wants', async () => {
  const desk = await Desk.opens();
  for (let count = 0; count < 30; count++) await desk.says('Vera Visitor', 'a', `One thing more, number ${count}`);
  const { page, agent } = await desk.sits(desk.server.token, { path: `/inbox/all/${(await desk.thread('a')).id}` });
  const scroller = page.locator('.talk-scroll');
  const below = () => scroller.evaluate((all) => Math.round(all.scrollHeight - all.scrollTop - all.clientHeight));
  const above = () => scroller.evaluate((all) => Math.round(all.scrollTop));
  await talk(page).getByText('number 29').waitFor();
  await expect.poll(below).toBeLessThan(5);
  await desk.says('Vera Visitor', 'a', 'The latest');
  await talk(page).getByText('The latest').waitFor();
  await expect.poll(below).toBeLessThan(5);

  await desk.server.put('/settings', { enable_auto_scroll_down: false });
  await page.reload();
  await talk(page).getByText('number 29').waitFor();
  const end = page.getByRole('button', { name: 'To the latest' });
  await end.waitFor();
  expect(await above()).toBe(0);
  await desk.says('Vera Visitor', 'a', 'Later still');
  await talk(page).getByText('Later still').waitFor({ state: 'attached' });
  expect(await above()).toBe(0);
  await end.click();
  await expect.poll(below).toBeLessThan(5);
  await end.waitFor({ state: 'detached' });
  const at = await above();
  await desk.says('Vera Visitor', 'a', 'And again\n'.repeat(20));
  await talk(page).getByText('And again').waitFor({ state: 'attached' });
  await end.waitFor();
  expect(await above()).toBe(at);
  // One's own words are seen in any case.
  await field(page).fill('I am here.');
  await page.keyboard.press('Control+Enter');
  await talk(page).locator('[data-outgoing]').waitFor();
  await expect.poll(below).toBeLessThan(5);
  expect(agent.errors).toEqual([]);
});

test('archived messages and long quotations are folded, and opened again by who wants to read them', async () => {
  const desk = await Desk.opens();
  for (const words of ['Buy now', 'Buy more', 'Buy it all']) await desk.says('Spam', 'a', words);
  const thread = await desk.thread('a');
  await desk.server.put(`/content_threads/${thread.id}/ignore`, {});
  await desk.says('Vera Visitor', 'a', 'No, thank you.\n> Buy\n> more\n> of\n> it\nBest, Vera');
  const { page, agent } = await desk.sits(desk.server.token, { path: `/inbox/all/${thread.id}` });
  await talk(page).getByText('Buy more').waitFor();
  expect(await talk(page).locator('details').count()).toBe(0);
  await desk.server.put('/settings', { fold_useless_contents: true });
  await page.reload();
  const archived = talk(page).getByText('Archived messages: 3');
  await archived.waitFor();
  expect(await talk(page).getByText('Buy more').isVisible()).toBe(false);
  expect(await talk(page).getByText('> more').isVisible()).toBe(false);
  await talk(page).getByText('No, thank you.').waitFor();
  await talk(page).getByText('Best, Vera').waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  // By keyboard too.
  await archived.focus();
  await page.keyboard.press('Enter');
  await talk(page).getByText('Buy more').waitFor();
  await talk(page).getByText('Quoted text').click();
  await talk(page).getByText('> more').waitFor();
  expect(agent.errors).toEqual([]);
});

test('a task whose customer waits for too long is urgent, for who has it and for who supervises', async () => {
  const desk = await Desk.opens();
  await desk.server.post('/channels', { name: 'Messages', source_ids: [desk.source.id] });
  await desk.server.put('/settings', { urgent_task_threshold: 1 });
  const ada = await desk.hires('Ada');
  const { page, agent } = await desk.sits(ada.token);
  const presence = page.getByRole('region', { name: 'Tasks' });
  await presence.getByRole('button', { name: 'Receives no tasks' }).click();
  await page.getByRole('option', { name: 'Receive tasks' }).click();
  await presence.getByRole('button', { name: 'Available' }).waitFor();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await page.getByRole('alertdialog', { name: 'Vera Visitor needs an answer' }).waitFor();
  await page.keyboard.press('y');
  const task = presence.getByRole('link', { name: /^Vera Visitor/ });
  await task.getByText('Urgent').waitFor({ timeout: 40_000 });
  expect(await violations(page.mainFrame())).toEqual([]);
  const { page: his } = await desk.sits(desk.server.token, { path: `/admin/supervision/${ada.id}` });
  await his.getByText(/: Urgent$/).waitFor();
  // Answered, nobody waits any more.
  await field(page).fill('On its way.');
  await page.keyboard.press('Control+Enter');
  await task.getByText('Urgent').waitFor({ state: 'detached' });
  await desk.server.put('/settings', { urgent_task_threshold: 0 });
  await his.reload();
  await his.getByRole('link', { name: 'Vera Visitor' }).waitFor();
  expect(await his.getByText(/: Urgent$/).count()).toBe(0);
  expect(agent.errors).toEqual([]);
});

test('browsers are asked not to fill passwords in where the account wants that', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits('');
  const asked = () => page.locator('input').evaluateAll((all) => (all as HTMLInputElement[]).map(({ autocomplete }) => autocomplete));
  await page.getByLabel('Password', { exact: true }).waitFor();
  expect(await asked()).toEqual(['username', 'current-password']);
  await desk.server.put('/settings', { disable_password_autocomplete: true });
  await page.reload();
  await page.getByLabel('Password', { exact: true }).waitFor();
  expect(await asked()).toEqual(['off', 'off']);
});
