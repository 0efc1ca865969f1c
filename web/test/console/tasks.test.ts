// Work that finds the agent, over the real server.

import { expect, test } from 'vitest';
import { Desk, lines, names, open, talk } from './cast.ts';

open();

/** A desk whose source is in a channel, so that what customers write becomes tasks. */
async function routed(): Promise<Desk> {
  const desk = await Desk.opens();
  await desk.server.post('/channels', { name: 'Messages', source_ids: [desk.source.id] });
  return desk;
}

test('a task rings at who receives tasks; refused it goes, accepted it is in their hands until it is given back', async () => {
  const desk = await routed();
  const ada = await desk.hires('Ada');
  const { page, agent } = await desk.sits(ada.token);
  const presence = page.getByRole('region', { name: 'Tasks' });
  await presence.getByRole('button', { name: 'Receives no tasks' }).click();
  await page.getByRole('option', { name: 'Receive tasks' }).click();
  await presence.getByRole('button', { name: 'Available' }).waitFor();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const ring = page.getByRole('alertdialog', { name: 'Vera Visitor needs an answer' });
  await ring.getByText('Where is my kettle?').waitFor();
  await page.keyboard.press('n');
  await ring.waitFor({ state: 'detached' });
  await desk.says('Marc Martin', 'b', 'Bonjour');
  await page.getByRole('alertdialog', { name: 'Marc Martin needs an answer' }).waitFor();
  await page.keyboard.press('y');
  await talk(page).getByText('Bonjour').waitFor();
  await presence.getByText('In your hands: 1').waitFor();
  await presence.getByRole('link', { name: 'Marc Martin' }).waitFor();
  // A reload changes nothing: it is still theirs, and they are still there.
  await page.reload();
  await presence.getByRole('link', { name: 'Marc Martin' }).waitFor();
  await presence.getByRole('button', { name: 'Available' }).waitFor();
  await talk(page).getByRole('button', { name: 'More' }).click();
  await page.getByRole('option', { name: 'Hand back' }).click();
  await presence.getByRole('link', { name: 'Marc Martin' }).waitFor({ state: 'detached' });
  await expect.poll(async () => (await desk.thread('b')).intervention.user_id).toBe(null);
  expect(agent.errors).toEqual([]);
});

test('what is accepted is seen to be somebody’s, and who loses it to a colleague is told', async () => {
  const desk = await routed();
  const ada = await desk.hires('Ada');
  const { page, agent } = await desk.sits(ada.token);
  const presence = page.getByRole('region', { name: 'Tasks' });
  await presence.getByRole('button', { name: 'Receives no tasks' }).click();
  await page.getByRole('option', { name: 'Receive tasks' }).click();
  await presence.getByRole('button', { name: 'Available' }).waitFor();
  const { page: his } = await desk.sits(desk.server.token, { path: '/inbox/waiting' });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await expect.poll(() => names(his)).toEqual(['Vera Visitor']);
  await page.getByRole('alertdialog', { name: 'Vera Visitor needs an answer' }).waitFor();
  await page.keyboard.press('y');
  await talk(page).getByText('Where is my kettle?').waitFor();
  // Hers from now on, for herself and for others.
  await talk(page).getByRole('button', { name: 'Take', exact: true }).waitFor({ state: 'detached' });
  await talk(page).getByRole('toolbar').getByText('You', { exact: true }).waitFor();
  await expect.poll(() => names(his)).toEqual([]);
  await his.getByRole('link', { name: /^All open/ }).click();
  await lines(his).filter({ hasText: 'Assigned to Ada Agent' }).click();
  await talk(his).getByText('Where is my kettle?').waitFor();
  await his.keyboard.press('e');
  await his.getByText('It is yours').waitFor();
  await page.getByRole('status').getByText(/^The conversation with Vera Visitor is with /).waitFor();
  await presence.getByRole('link', { name: 'Vera Visitor' }).waitFor({ state: 'detached' });
  expect(agent.errors).toEqual([]);
});

test('what is over waits for nobody, and is opened again by who wants to go on with it', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'It leaks.');
  const content = (await desk.server.get('/contents')).records[0];
  await desk.server.post('/contents', { in_reply_to_id: content.id, body: 'Turn it off.' });
  await desk.says('Vera Visitor', 'a', 'Thank you!');
  const thread = await desk.thread('a');
  const { page, agent } = await desk.sits(desk.server.token, { path: `/inbox/all/${thread.id}` });
  await talk(page).getByText('Thank you!').waitFor();
  await lines(page).getByText(/^waits/).waitFor();
  await desk.server.put(`/interventions/${thread.intervention.id}/close`, {});
  await lines(page).getByText('Closed').waitFor();
  expect(await lines(page).getByText(/^waits/).count()).toBe(0);
  await talk(page).getByRole('button', { name: 'Open again' }).waitFor();
  expect(await talk(page).getByRole('button', { name: 'Take', exact: true }).count()).toBe(0);
  await page.keyboard.press('e');
  await talk(page).getByRole('button', { name: 'Close' }).waitFor();
  expect((await desk.thread('a')).intervention.closed_at).toBe(null);
  expect(agent.errors).toEqual([]);
});

test('nothing rings at who is away, for a reason or not, and others see it', async () => {
  const desk = await routed();
  const lunch = await desk.server.post('/presence_status', { name: 'Lunch' });
  const ada = await desk.hires('Ada');
  const { page } = await desk.sits(ada.token);
  const presence = page.getByRole('region', { name: 'Tasks' });
  await presence.getByRole('button').click();
  await page.getByRole('option', { name: 'Receive tasks' }).click();
  await presence.getByRole('button', { name: 'Available' }).click();
  await page.getByRole('option', { name: /^Lunch/ }).click();
  await presence.getByRole('button', { name: 'Lunch' }).waitFor();
  expect((await desk.server.get(`/status/${ada.id}`)).custom_status.id).toBe(lunch.id);
  await desk.says('Vera Visitor', 'a', 'Hello');
  await page.locator('.lines .line').getByText('Vera Visitor').waitFor();
  expect(await page.getByRole('alertdialog').count()).toBe(0);
  await presence.getByRole('button', { name: 'Lunch' }).click();
  await page.getByRole('option', { name: 'Available' }).click();
  await page.getByRole('alertdialog', { name: 'Vera Visitor needs an answer' }).waitFor();
  await presence.getByRole('button', { name: 'Available' }).click();
  await page.getByRole('option', { name: 'Receive no more tasks' }).click();
  await presence.getByRole('button', { name: 'Receives no tasks' }).waitFor();
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
});

test('a task is handed on to a colleague with a word, and rings there', async () => {
  const desk = await routed();
  const [ada, ben] = [await desk.hires('Ada'), await desk.hires('Ben')];
  const comes = async (token: string) => {
    const { page } = await desk.sits(token);
    await page.getByRole('region', { name: 'Tasks' }).getByRole('button').click();
    await page.getByRole('option', { name: 'Receive tasks' }).click();
    await page.getByRole('button', { name: 'Available' }).waitFor();
    return page;
  };
  const hers = await comes(ada.token);
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await hers.getByRole('alertdialog', { name: 'Vera Visitor needs an answer' }).waitFor();
  await hers.keyboard.press('y');
  await talk(hers).getByText('Where is my kettle?').waitFor();
  const his = await comes(ben.token);
  await talk(hers).getByRole('button', { name: 'More' }).click();
  await hers.getByRole('option', { name: 'Hand on' }).click();
  const dialog = hers.getByRole('dialog', { name: 'Hand on' });
  // Who may not see who works here hands on to whoever fits next.
  await dialog.getByLabel('A word for them').fill('You know kettles better.');
  await dialog.getByRole('button', { name: 'Hand on' }).click();
  await his.getByRole('alertdialog', { name: 'Vera Visitor needs an answer' }).waitFor();
  await his.keyboard.press('y');
  await talk(his).getByText('Where is my kettle?').waitFor();
});

test('who has as many tasks as ring asks for one more, until nobody waits', async () => {
  const desk = await Desk.opens();
  await desk.server.post('/channels', { name: 'Messages', source_ids: [desk.source.id], soft_capability: 1, hard_capability: 5 });
  const ada = await desk.hires('Ada');
  const { page, agent } = await desk.sits(ada.token);
  const presence = page.getByRole('region', { name: 'Tasks' });
  await presence.getByRole('button', { name: 'Receives no tasks' }).click();
  await page.getByRole('option', { name: 'Receive tasks' }).click();
  await presence.getByRole('button', { name: 'Available' }).waitFor();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await page.getByRole('alertdialog', { name: 'Vera Visitor needs an answer' }).waitFor();
  await page.keyboard.press('y');
  await presence.getByText('In your hands: 1').waitFor();
  // One is enough to ring; more come to who asks.
  await desk.says('Marc Martin', 'b', 'Bonjour');
  const waiting = async () => (await desk.server.get('/tasks?queue=global')).records.map(({ thread_id }: { thread_id: string }) => thread_id);
  await expect.poll(waiting).toEqual([(await desk.thread('b')).id]);
  const asks = async () => {
    await presence.getByRole('button', { name: 'Available' }).click();
    await page.getByRole('option', { name: 'Ask for a task' }).click();
  };
  await asks();
  await talk(page).getByText('Bonjour').waitFor();
  await presence.getByText('In your hands: 2').waitFor();
  await presence.getByRole('link', { name: 'Marc Martin' }).waitFor();
  await asks();
  await page.getByText('Nobody waits for you right now.').waitFor();
  expect(agent.errors.filter((error) => !error.includes('404'))).toEqual([]);
});
