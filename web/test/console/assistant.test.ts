// Answers that are kept ready, over the real server; and what a channel lets be done with a message.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { Desk, open, talk } from './cast.ts';

open();

const field = (page: Page) => page.getByRole('textbox', { name: /^Reply to/ });
const at = (thread: Record<string, any>) => ({ path: `/inbox/all/${thread.id}` });

test('an answer is kept ready, and found by its shortcut and by its words', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const thread = await desk.thread('a');
  const { page: admin } = await desk.sits(desk.server.token, { path: '/admin/reply_entries' });
  await admin.getByRole('heading', { name: 'No answers kept ready yet' }).waitFor();
  await admin.getByRole('button', { name: /^New/ }).first().click();
  await admin.getByLabel('Name').fill('Delivery takes three days');
  await admin.getByRole('button', { name: 'Create' }).click();
  await admin.getByLabel('Shortcuts').fill('days');
  await admin.getByRole('button', { name: 'Save' }).click();
  await admin.getByText('Saved', { exact: true }).waitFor();
  await admin.getByLabel('Text').fill('Dear {{customer_firstname|customer}}, it takes three days. {{customer_lastname}}');
  await admin.getByRole('button', { name: 'Add a version' }).click();
  await admin.getByText('Dear {{customer_firstname|customer}}', { exact: false }).first().waitFor();

  const { page } = await desk.sits(desk.server.token, at(thread));
  await talk(page).getByText('Where is my kettle?').waitFor();
  await field(page).pressSequentially('Hello. /da');
  await page.getByRole('option', { name: '/days Delivery takes three days' }).waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(() => field(page).inputValue()).toBe('Hello. Dear customer, it takes three days. {{customer_lastname}}');
  // What nothing is known for does not go out; it is chosen, to be written over.
  await page.keyboard.press('Control+Enter');
  await page.getByText('Fill in {{customer_lastname}} first').waitFor();
  await page.keyboard.type('Yours, Ada');
  expect(await field(page).inputValue()).toBe('Hello. Dear customer, it takes three days. Yours, Ada');
  await page.keyboard.press('Control+Enter');
  const used = async () => (await desk.server.get(`/events?q=${encodeURIComponent('name_in:content.reply_assistant_used')}`)).count;
  await expect.poll(used, { timeout: 15_000 }).toBe(1);
  // By its words, without a shortcut.
  await page.getByRole('button', { name: 'Answers kept ready' }).click();
  await page.getByRole('combobox', { name: 'Answers kept ready' }).fill('three deliv');
  await page.getByRole('option', { name: /^Delivery takes three days/ }).waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(() => field(page).inputValue()).toMatch(/^Dear customer, it takes/);
});

test('an answer that is kept ready brings its files, which can be looked at and left out', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'How do I clean my kettle?');
  const thread = await desk.thread('a');
  const entry = await desk.server.post('/reply_assistant/entries', { label: 'Cleaning' });
  await desk.server.put(`/reply_assistant/entries/${entry.id}`, { shortcuts: ['clean'] });
  const { page: admin } = await desk.sits(desk.server.token, { path: `/admin/reply_entries/${entry.id}` });
  await admin.getByLabel('Text').fill('See what comes along.');
  const chooses = (name: string) => admin.locator('input[type=file]').setInputFiles({ name, mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4') });
  await chooses('manual.pdf');
  await admin.getByRole('button', { name: 'Download manual.pdf' }).waitFor();
  await chooses('warranty.pdf');
  await admin.getByRole('button', { name: 'Download warranty.pdf' }).waitFor();
  await admin.getByRole('button', { name: 'Add a version' }).click();
  const version = async () => {
    const { records } = await desk.server.get('/reply_assistant/versions?extended=true&limit=150');
    return records.find(({ entry_id }: Record<string, unknown>) => entry_id === entry.id)?.attachments.map(({ filename }: Record<string, unknown>) => filename);
  };
  await expect.poll(version).toEqual(['manual.pdf', 'warranty.pdf']);

  const ada = await desk.hires('Ada');
  const { page, agent } = await desk.sits(ada.token, at(thread));
  await talk(page).getByText('How do I clean').waitFor();
  await field(page).pressSequentially('/clean');
  await page.getByRole('option', { name: '/clean Cleaning' }).waitFor();
  await page.keyboard.press('Enter');
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download manual.pdf' }).click();
  expect((await saved).suggestedFilename()).toBe('manual.pdf');
  await page.getByRole('button', { name: 'Remove warranty.pdf' }).click();
  const sent = async () => {
    const { records } = await desk.server.get(`/contents?q=thread:${thread.id}`);
    return records[0].attachments.map(({ filename }: Record<string, unknown>) => filename);
  };
  await field(page).press('Control+Enter');
  await expect.poll(sent, { timeout: 15_000 }).toEqual(['manual.pdf']);
  // The next answer has them again, until the version has them no more.
  await page.getByRole('button', { name: 'Answers kept ready' }).click();
  await page.getByRole('option', { name: /^Cleaning.*manual.pdf · warranty.pdf/ }).waitFor();
  await page.keyboard.press('Escape');
  await admin.getByRole('button', { name: 'Take manual.pdf out' }).click();
  await admin.getByRole('button', { name: 'Save' }).last().click();
  await expect.poll(version).toEqual(['warranty.pdf']);
  expect(await sent()).toEqual(['manual.pdf']);
  expect(agent.errors).toEqual([]);
});

test('what a channel lets nobody answer is not offered to be; what it lets be hidden and deleted is', async () => {
  const objects = { messages: ['create', 'unpublish', 'publish', 'delete', 'reply'] };
  const asked: string[] = [];
  const channel = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const { action, params } = JSON.parse(Buffer.concat(parts).toString());
      asked.push(action);
      response.end(JSON.stringify(action === 'implementation.info' ? { objects, options: ['messages.text'] } : { id: params.id, actions: ['publish', 'unpublish', 'delete'] }));
    });
  });
  await new Promise<void>((done) => channel.listen(0, '127.0.0.1', done));
  try {
    const desk = await Desk.opens('--allow-outbound', '127.0.0.0/8');
    await desk.server.put(`/content_sources/${desk.source.id}`, { base_uri: `http://127.0.0.1:${(channel.address() as AddressInfo).port}/` });
    await expect.poll(() => asked.includes('implementation.info')).toBe(true);
    await desk.says('Vera Visitor', 'a', 'Look at this', { actions: ['publish', 'unpublish', 'delete'] });
    const thread = await desk.thread('a');
    const { page } = await desk.sits(desk.server.token, at(thread));
    await talk(page).getByText('Its channel lets nobody answer here.').waitFor();
    const menu = async (name: string) => {
      await page.getByRole('article', { name: /^Vera Visitor/ }).hover();
      await page.getByRole('button', { name: 'What can be done with this message' }).click();
      await page.getByRole('option', { name }).click();
    };
    await menu('Hide from everybody');
    await page.getByText('Hidden', { exact: true }).waitFor();
    await menu('Show to everybody');
    await page.getByText('Hidden', { exact: true }).waitFor({ state: 'detached' });
    await menu('Delete on its channel');
    await page.getByRole('button', { name: /^Undo/ }).click();
    expect(asked.filter((action) => action === 'messages.delete')).toEqual([]);
    await menu('Delete on its channel');
    await page.getByText('Deleted on its channel').waitFor({ timeout: 15_000 });
    // A message with which its channel allows that is answered.
    await desk.says('Vera Visitor', 'a', 'And this?', { actions: ['reply'] });
    await field(page).waitFor();
  } finally {
    channel.close();
  }
});

test('what only its channel knows of a message is done from its menu, in the words of who reads', async () => {
  const asked: Record<string, any>[] = [];
  const locales = { default: { warn: 'Warn the author' }, fr: { warn: 'Avertir l’auteur' } };
  const objects = { messages: ['create', 'reply', 'warn', 'mark_as_spam'] };
  const channel = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const given = JSON.parse(Buffer.concat(parts).toString());
      asked.push(given);
      const author = { id: 'Vera Visitor', screenname: 'Vera Visitor', created_at: '2026-01-15T10:00:00Z' };
      const warned = { id: given.params?.id, thread_id: 'a', author, created_at: new Date().toISOString(), body: 'Be kind, please.', actions: ['mark_as_spam'], categories: ['rude'] };
      response.end(JSON.stringify(given.action === 'implementation.info' ? { objects, options: ['messages.text'], locales } : warned));
    });
  });
  await new Promise<void>((done) => channel.listen(0, '127.0.0.1', done));
  try {
    const desk = await Desk.opens('--allow-outbound', '127.0.0.0/8');
    await desk.server.put(`/content_sources/${desk.source.id}`, { base_uri: `http://127.0.0.1:${(channel.address() as AddressInfo).port}/` });
    await expect.poll(() => asked.some(({ action }) => action === 'implementation.info')).toBe(true);
    await desk.says('Vera Visitor', 'a', 'You are all fools', { actions: ['reply', 'warn', 'mark_as_spam'] });
    const thread = await desk.thread('a');
    // Whoever presses it acts as one of the channel's own.
    const marie = await desk.hires('Marie');
    await desk.server.put(`/users/${marie.id}`, { locale: 'fr' });
    const { page, agent } = await desk.sits(desk.server.token, at(thread));
    const { page: hers } = await desk.sits(marie.token, { ...at(thread), locale: 'fr' });
    const menu = async (page: Page, label: string) => {
      await talk(page).getByText('You are all fools').hover();
      await page.getByRole('button', { name: label }).click();
    };
    await menu(hers, 'Ce qu’on peut faire de ce message');
    await hers.getByRole('option', { name: 'Avertir l’auteur' }).waitFor();
    await hers.getByRole('option', { name: 'Mark as spam' }).waitFor();
    await menu(page, 'What can be done with this message');
    await page.getByRole('option', { name: 'Warn the author' }).click();
    await expect.poll(() => asked.filter(({ action }) => action === 'messages.warn').length).toBe(1);
    // What its channel made of it is shown, and what may still be done.
    await talk(page).getByText('Be kind, please.').waitFor();
    await talk(page).getByText('rude', { exact: true }).waitFor();
    await talk(page).getByText('Be kind, please.').hover();
    await page.getByRole('button', { name: 'What can be done with this message' }).click();
    await page.getByRole('option', { name: 'Mark as spam' }).waitFor();
    expect(await page.getByRole('option', { name: 'Warn the author' }).count()).toBe(0);
    expect(agent.errors).toEqual([]);
  } finally {
    channel.close();
  }
});
