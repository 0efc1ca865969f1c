// A visitor of a website and an agent in the console, each in a browser, from greeting to closing.

import { expect, test } from 'vitest';
import { field, open as openStories, story, writes } from '../stories/cast.ts';
import { lines, names, open, sit, talk } from './cast.ts';

openStories();
open();

test('a visitor is helped from greeting to closing: both see who types, choices and answers', async () => {
  const { desk, comes } = await story();
  const { chat } = await comes();
  const { page, agent } = await sit(desk.port, desk.token);
  await page.getByText('Nobody waits').waitFor();
  await writes(chat, 'Where is my kettle?');
  await lines(page).getByText('Where is my kettle?').click();
  await talk(page).getByText('Where is my kettle?').waitFor();
  // What the visitor is writing is seen while they write it.
  await field(chat).pressSequentially('It was blue');
  await talk(page).locator('.typing').getByText(/is typing/).waitFor();
  // And the other way round.
  await page.keyboard.press('r');
  await page.keyboard.type('I look');
  await chat.getByText(/is typing/).waitFor();
  await page.keyboard.type(' for it.');
  await page.keyboard.press('Control+Enter');
  await chat.getByText('I look for it.').waitFor({ timeout: 20_000 });
  await talk(page).locator('.ours:not([data-outgoing])').getByText('I look for it.').waitFor();
  // Choices are shown as the visitor sees them, and what they chose.
  const q = encodeURIComponent('order:created_at.asc');
  const { records } = await desk.get(`/contents?q=${q}`);
  const select = { type: 'select', items: [{ title: 'Blue', payload: 'blue' }, { title: 'Red', payload: 'red' }] };
  await desk.post('/contents', { in_reply_to_id: records[0].id, body: 'Which one?', structured_content: select });
  const shown = talk(page).locator('.structured');
  await expect.poll(() => shown.getByRole('button').allInnerTexts()).toEqual(['Blue', 'Red']);
  expect(await shown.getByRole('button', { name: 'Blue' }).isDisabled()).toBe(true);
  await chat.getByRole('button', { name: 'Blue' }).click();
  await talk(page).getByText('Chose: blue').waitFor();
  await page.getByRole('link', { name: /^Mine/ }).click();
  await lines(page).first().click();
  await talk(page).getByText('Chose: blue').waitFor();
  await page.keyboard.press('f');
  await expect.poll(() => names(page)).toEqual([]);
  const closed = async () => (await desk.get('/content_threads?extended=true')).records[0].intervention.closed_at;
  await expect.poll(async () => !!(await closed()), { timeout: 15_000 }).toBe(true);
  expect(agent.errors).toEqual([]);
  expect(agent.complaints).toEqual([]);
}, 60_000);
