// The customer beside their conversation: what is known of them, who they are, and where they are.

import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { open as openStories, story, writes } from '../stories/cast.ts';
import { brings, Desk, lines, open, sit, talk } from './cast.ts';

openStories();
open();

const at = (thread: Record<string, any>) => ({ path: `/inbox/all/${thread.id}` });
const card = (page: Page) => page.getByRole('complementary', { name: 'Customer' });

async function does(page: Page, what: string): Promise<void> {
  await card(page).getByRole('button', { name: 'What can be done with the customer' }).click();
  await page.getByRole('option', { name: what }).click();
}

test('what is known of a customer is corrected, tagged, and not overwritten unseen', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  await desk.says('Vera Visitor', 'a', 'Hello');
  await server.post('/tags', { name: 'Regular' });
  await server.post('/custom_fields', { associated_type_name: 'IdentityGroup', label: 'Plan', type: 'single_choice', choices: ['Gold', 'Silver'] });
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(server.token, at(thread));
  await does(page, 'Edit what is known');
  const dialog = page.getByRole('dialog', { name: 'Edit what is known' });
  await dialog.getByLabel('Company').fill('Kettles Ltd');
  await dialog.getByLabel('E-mails').fill('vera@work.example\nvera@home.example');
  await dialog.getByLabel('Plan').selectOption('Gold');
  await dialog.getByRole('button', { name: 'Save' }).click();
  for (const known of ['Kettles Ltd', 'vera@home.example', 'Gold']) await card(page).getByText(known).waitFor();
  const { identity_group_id: id } = await server.get(`/identities/${thread.customer.id}`);
  expect((await server.get(`/identity_groups/${id}`)).emails).toEqual(['vera@work.example', 'vera@home.example']);
  await card(page).getByRole('button', { name: 'Tags' }).click();
  await page.getByRole('option', { name: 'Regular' }).click();
  await page.keyboard.press('Escape');
  await card(page).locator('.badge').getByText('Regular').waitFor();
  // A colleague was quicker.
  await does(page, 'Edit what is known');
  await dialog.getByLabel('Company').fill('Kettles and Co');
  await server.put(`/identity_groups/${id}`, { company: 'Kettles Inc' });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Company was changed meanwhile to: Kettles Inc.').waitFor();
  expect((await server.get(`/identity_groups/${id}`)).company).toBe('Kettles Inc');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await card(page).getByText('Kettles and Co').waitFor();
  expect(agent.errors).toEqual([]);
});

test('two names are found to be one person, and not to be after all', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await desk.says('V. V.', 'b', 'The blue kettle, order 2207');
  const [thread, other] = [await desk.thread('a'), await desk.thread('b')];
  const { page } = await desk.sits(desk.server.token, at(thread));
  await does(page, 'Merge with somebody');
  const dialog = page.getByRole('dialog', { name: 'Merge with somebody' });
  await dialog.getByLabel('A name, an address').fill('order 2207');
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: /V\. V\./ }).click();
  // Seen before it is done.
  await dialog.getByText('The blue kettle, order 2207').waitFor();
  await dialog.getByText('Where is my kettle?').waitFor();
  await dialog.getByRole('button', { name: 'Merge', exact: true }).click();
  await card(page).getByRole('heading', { name: 'Also known as' }).waitFor();
  await card(page).getByRole('link', { name: /The blue kettle/ }).waitFor();
  await card(page).getByRole('button', { name: 'Not the same' }).click();
  await expect.poll(async () => (await desk.server.get(`/identities/${other.customer.id}`)).identity_group_id).toBeNull();
  await page.locator('.toast', { hasText: 'is somebody else' }).getByRole('button', { name: /^Undo/ }).click();
  await expect.poll(async () => (await desk.server.get(`/identities/${other.customer.id}`)).identity_group_id).not.toBeNull();
});

test('the page on which a visitor is, is seen, beside the conversation and in it', async () => {
  const { desk, comes } = await story();
  const { chat, page: shop } = await comes();
  await writes(chat, 'A kettle, please');
  const { page } = await sit(desk.port, desk.token);
  await lines(page).getByText('A kettle, please').click();
  await talk(page).getByText('A kettle, please').waitFor();
  await card(page).getByRole('heading', { name: 'On the website' }).waitFor();
  await shop.evaluate(() => {
    document.title = 'All kettles';
    history.pushState({}, '', '/kettles');
    (window as unknown as { _chatq: unknown[] })._chatq.push(['_pageChange']);
  });
  await card(page).getByRole('link', { name: 'All kettles' }).first().waitFor();
  await talk(page).locator('.record').getByText('Looked at All kettles').waitFor();
});

test('an agent writes first, to a customer of whom the channel has told', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const { page } = await desk.sits(desk.server.token, { ...at(await desk.thread('a')), relayed: true });
  await does(page, 'Write to them');
  const dialog = page.getByRole('dialog', { name: 'Write to Vera Visitor' });
  await dialog.getByLabel('Message').fill('Your kettle has arrived here.');
  // Whether it has arrived nobody knows; sent once more, it is the same message.
  desk.network.losesAnswers = ({ method, url }) => method === 'POST' && url === '/1.0/contents';
  await page.keyboard.press('Control+Enter');
  await dialog.getByText('The server does not answer.').waitFor();
  desk.network.mend();
  await dialog.getByRole('button', { name: 'Send' }).click();
  await talk(page).locator('.ours').getByText('Your kettle has arrived here.').waitFor();
  const q = encodeURIComponent('text:"arrived here"');
  expect((await desk.server.get(`/contents?q=${q}`)).count).toBe(1);
  await page.keyboard.press('w');
  await page.getByRole('dialog', { name: 'New conversation' }).getByLabel('To').fill('nobody knows them');
  await page.getByRole('dialog').getByLabel('Message').fill('Hello');
  await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
  await page.getByRole('alert').getByText(/no identity/).waitFor();
});

test('a conversation is begun with files, by button, drop and paste; what may not go out is said so', async () => {
  const desk = await Desk.opens();
  await desk.server.put(`/content_sources/${desk.source.id}`, { attachments_security_level: 'relaxed' });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const { page, agent } = await desk.sits(desk.server.token, { path: '/inbox/all' });
  await lines(page).first().waitFor();
  await page.keyboard.press('w');
  const dialog = page.getByRole('dialog', { name: 'New conversation' });
  const message = dialog.getByLabel('Message');
  await dialog.getByLabel('To').fill('Vera Visitor');
  const chooser = page.waitForEvent('filechooser');
  await dialog.getByRole('button', { name: 'Attach a file' }).press('Enter');
  await (await chooser).setFiles([
    { name: 'terms.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4 not really') },
    { name: 'film.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(26 * 1024 * 1024) },
  ]);
  await dialog.getByRole('alert').getByText('film.mp4 is too large: a file has at most 25 MB').waitFor();
  await brings(message, 'drop', 'tool.exe');
  await brings(message, 'paste', 'bill.txt');
  for (const name of ['terms.pdf', 'tool.exe', 'bill.txt']) await dialog.getByRole('button', { name: `Remove ${name}` }).waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  // On a phone all of it is on the screen.
  await page.setViewportSize({ width: 390, height: 844 });
  const send = (await dialog.getByRole('button', { name: 'Send' }).boundingBox())!;
  expect(send.x + send.width).toBeLessThanOrEqual(390);
  await message.press('Control+Enter');
  await dialog.getByRole('alert').getByText('of a type that this source does not take').waitFor();
  await dialog.getByRole('button', { name: 'Remove tool.exe' }).click();
  // Files need no words.
  await dialog.getByRole('button', { name: 'Send' }).click();
  await dialog.waitFor({ state: 'detached' });
  await talk(page).getByRole('button', { name: 'Download terms.pdf' }).waitFor();
  const [content] = (await desk.server.get(`/contents?q=${encodeURIComponent('status_in:user_initiated')}`)).records;
  const held = await Promise.all(content.attachments.map(async ({ id }: { id: string }) => (await desk.server.get(`/attachments/${id}`)).filename));
  expect(held.sort()).toEqual(['bill.txt', 'terms.pdf']);
  expect(agent.errors).toEqual([]);
});

test('a customer is muted, locked, exported, and forgotten when they wish', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  await desk.says('Vera Visitor', 'a', 'Hello');
  const thread = await desk.thread('a');
  await server.put(`/identities/${thread.customer.id}/identity_group`, { firstname: 'Vera', company: 'Kettles Ltd' });
  const { page, agent } = await desk.sits(server.token, at(thread));
  await does(page, 'Mute the customer');
  await card(page).getByText('Muted', { exact: true }).waitFor();
  await desk.says('Vera Visitor', 'a', 'Anybody?');
  await expect.poll(async () => (await desk.thread('a')).last_content.status).toBe('ignored');
  await does(page, 'Unmute the customer');
  await card(page).getByText('Muted', { exact: true }).waitFor({ state: 'detached' });

  await does(page, 'Lock what is known');
  await card(page).getByText('Locked', { exact: true }).waitFor();
  await does(page, 'Edit what is known');
  const dialog = page.getByRole('dialog', { name: 'Edit what is known' });
  await dialog.getByLabel('Gender').selectOption('Woman');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('alert').getByText(/locked/).waitFor();
  await page.keyboard.press('Escape');
  await does(page, 'Unlock what is known');
  await card(page).getByText('Locked', { exact: true }).waitFor({ state: 'detached' });
  await does(page, 'Edit what is known');
  await dialog.getByLabel('Gender').selectOption('Woman');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await card(page).getByText('Woman', { exact: true }).waitFor();

  const saved = page.waitForEvent('download');
  await does(page, 'Export what is known');
  const file = await saved;
  expect(file.suggestedFilename()).toMatch(/\.jsonl$/);
  const kept = (await readFile(await file.path(), 'utf8')).trim().split('\n').map((line) => JSON.parse(line));
  expect(kept.map(({ id }) => id)).toEqual([thread.customer.id]);

  page.once('dialog', (dialog) => void dialog.accept());
  await does(page, 'Forget who this is');
  await talk(page).getByText('Hello', { exact: true }).waitFor({ state: 'detached' });
  await card(page).getByText('Kettles Ltd').waitFor({ state: 'detached' });
  expect((await server.get(`/identities/${thread.customer.id}`)).screenname).not.toBe('Vera Visitor');
  expect(agent.errors.filter((error) => !error.includes('409'))).toEqual([]);
});

test('what is asked for of each case is filled in; what the channel tells of a conversation is seen', async () => {
  const desk = await Desk.opens();
  const { server } = desk;
  await server.post('/custom_fields', { associated_type_name: 'Intervention', label: 'Order', type: 'string', key: 'order' });
  await server.post('/custom_fields', { associated_type_name: 'Intervention', label: 'Refunded', type: 'boolean', key: 'refunded' });
  await desk.says('Vera Visitor', 'a', 'Hello', { context_data: { basket: '3 kettles' } });
  const thread = await desk.thread('a');
  // As an agent, who manages no fields.
  const ada = await desk.hires('Ada');
  const { page, agent } = await desk.sits(ada.token, at(thread));
  await card(page).getByText('3 kettles').waitFor();
  expect(await card(page).getByRole('heading', { name: 'This case' }).count()).toBe(0);
  await page.keyboard.press('e');
  await card(page).getByRole('heading', { name: 'This case' }).waitFor();
  const fills = async (order: string) => {
    await card(page).getByRole('button', { name: 'Fill in the case' }).click();
    const dialog = page.getByRole('dialog', { name: 'Fill in the case' });
    await dialog.getByLabel('Order').fill(order);
    return dialog;
  };
  let dialog = await fills('2207');
  await dialog.getByLabel('Refunded').selectOption('yes');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await card(page).getByText('2207').waitFor();
  const { intervention } = await desk.thread('a');
  expect((await server.get(`/interventions/${intervention.id}`)).custom_fields).toMatchObject({ order: '2207', refunded: true });
  // A colleague was quicker.
  dialog = await fills('2208');
  await server.put(`/interventions/${intervention.id}`, { custom_field_values: { order: '2299' } });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Order was changed meanwhile to: 2299.').waitFor();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await card(page).getByText('2208').waitFor();
  expect(agent.errors).toEqual([]);
});

test('what is told beside a conversation has names that people read, and addresses to follow', async () => {
  const { desk, comes } = await story();
  const { chat } = await comes();
  await writes(chat, 'A kettle, please');
  const { page } = await sit(desk.port, desk.token, { locale: 'fr' });
  await lines(page).getByText('A kettle, please').click();
  const carte = page.getByRole('complementary', { name: 'Client' });
  await carte.getByText('Commencée par le client').waitFor();
  const raw = (await carte.locator('dt').allInnerTexts()).filter((label) => label.includes('_'));
  expect(raw).toEqual([]);

  const own = await Desk.opens();
  await own.says('Vera Visitor', 'a', 'Hello', { context_data: { page_url: 'https://shop.example/cart?x=1', order_number: '2207', odd: 'javascript:alert(1)', trigger_id: '5'.repeat(24), trigger_name: 'Home button' } });
  const { page: there } = await own.sits(own.server.token, at(await own.thread('a')));
  const facts = async () => Object.fromEntries(await card(there).locator('section', { hasText: 'About the conversation' }).locator('dl > div').evaluateAll((all) => all.map((one) => [one.querySelector('dt')!.textContent, one.querySelector('dd')!.textContent])));
  await expect.poll(facts).toEqual({ Page: 'shop.example/cart', 'Order number': '2207', Odd: 'javascript:alert(1)', Trigger: 'Home button' });
  expect(await card(there).getByRole('link', { name: 'shop.example/cart' }).getAttribute('href')).toBe('https://shop.example/cart?x=1');
  expect(await card(there).getByRole('link', { name: /javascript/ }).count()).toBe(0);
});
