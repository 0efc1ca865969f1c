// A Live Chat, from the first word to the end by either side; and what the server says by itself in Messaging.

import { expect, test } from 'vitest';
import { field, open, said, story, writes } from './cast.ts';

open();

test('an agent comes, and ends it; the visitor looks back, and begins anew', async () => {
  const { alicia, comes } = await story({ type: 'chat' });
  const { visitor, chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  await chat.getByText('Waiting for an agent').waitFor();
  const intervention = await alicia.ask('POST', '/interventions', { content_id: question.id });
  await chat.getByText('Alicia Agent is now connected').waitFor();
  await chat.getByText('Seen').waitFor();
  expect(await chat.getByText('Waiting for an agent').count()).toBe(0);
  await alicia.answers(question, 'Good morning');
  await chat.getByText('Good morning').waitFor();
  await alicia.ask('PUT', `/interventions/${intervention.id}/close`);
  await chat.getByRole('button', { name: 'See the conversation' }).click();
  await chat.getByText('Alicia Agent is now disconnected').waitFor();
  expect(await said(chat)).toEqual(['Hello', '> Good morning']);
  expect(visitor.errors).toEqual([]);
});

test('what has ended is looked back at on the next page, until the visitor leaves', async () => {
  const { alicia, comes } = await story({ type: 'chat' });
  const { page, chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  const { intervention_id } = await alicia.answers(question, 'Good morning');
  await chat.getByText('Good morning').waitFor();
  await alicia.ask('PUT', `/interventions/${intervention_id}/close`);
  await chat.getByRole('button', { name: 'See the conversation' }).waitFor();
  await page.reload();
  await chat.getByRole('button', { name: 'See the conversation' }).click();
  await chat.getByText('Good morning').waitFor();
  await chat.getByRole('button', { name: 'Leave the conversation' }).evaluate((button) => void setTimeout(() => (button as HTMLElement).click()));
  // This site's page offers it again at once: a new one.
  await field(chat).waitFor();
  expect(await said(chat)).toEqual([]);
});

test('the visitor ends it, and leaves', async () => {
  const { alicia, comes } = await story({ type: 'chat' });
  const { page, chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  await chat.getByRole('button', { name: 'Quit' }).click();
  await chat.getByRole('dialog').getByRole('button', { name: 'Quit' }).click();
  await expect.poll(async () => (await alicia.ask('GET', `/content_threads/${question.thread_id}`)).closed).toBe(true);
  await chat.getByRole('button', { name: 'Leave the conversation' }).evaluate((button) => void setTimeout(() => (button as HTMLElement).click()));
  await page.locator('#dimelo_chat_window').waitFor({ state: 'detached' });
});

test('nobody comes in time: it is said, and over', async () => {
  const { alicia, comes } = await story({ type: 'chat', settings: { impossible_delay: '1s' } });
  const { chat } = await comes();
  await writes(chat, 'Is anybody there?');
  await alicia.finds('Is anybody there?');
  await chat.getByRole('button', { name: 'See the conversation' }).click({ timeout: 25_000 });
  await chat.getByText('Sorry, nobody is available at the moment.').waitFor();
});

test('who is not known is asked for an address, and thanked', async () => {
  const { alicia, comes } = await story({ settings: { email_request: true } });
  const { page, chat } = await comes();
  await writes(chat, 'Where is it?');
  const question = await alicia.finds('Where is it?');
  const address = chat.getByRole('textbox', { name: 'Please enter your email address' });
  await address.fill('vera');
  await address.press('Enter');
  await chat.getByText('This email is incorrect').waitFor();
  await address.fill('vera@example.com');
  await address.press('Enter');
  const thanks = 'Thank you. You will be notified by email.';
  await chat.getByText(thanks).waitFor();
  const identity = await alicia.ask('GET', `/identities/${question.author_id}`);
  expect(identity.email).toBe('vera@example.com');
  await page.reload();
  await chat.getByText(thanks).waitFor();
});

test('a conversation that an agent closes says so, and a new one can be begun', async () => {
  const { alicia, comes } = await story();
  const { chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  await alicia.ask('PUT', `/content_threads/${question.thread_id}/close`);
  await chat.locator('.closure').waitFor();
  await chat.getByRole('button', { name: 'New conversation' }).click();
  await writes(chat, 'Me again');
  expect((await alicia.finds('Me again')).thread_id).not.toBe(question.thread_id);
});
