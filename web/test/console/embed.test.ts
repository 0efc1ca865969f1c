// The console within another site: only where the account lets it, by the documented addresses, telling what happens.

import { expect, test } from 'vitest';
import { Visitor } from '../browser.ts';
import { open as openStories, Site } from '../stories/cast.ts';
import { browser, Desk, fresh, open } from './cast.ts';

openStories();
open();

test('another site shows one conversation where the account allows it, and hears what is done there', async () => {
  const desk = await Desk.opens();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const thread = await desk.thread('a');
  const around = await Site.start('');
  const from = `http://desk.localhost:${desk.server.port}`;
  around.pages['/'] = { body: `<iframe width="900" height="700" src="${from}/content_threads/${thread.id}?view=permalink"></iframe>` };
  around.pages['/pull'] = { body: `<iframe width="1300" height="800" src="${from}/home?view=no-header"></iframe>` };
  around.pages['/content'] = { body: `<iframe width="900" height="700" src="${from}/contents/${thread.last_content.id}?view=permalink"></iframe>` };
  const visitor = await Visitor.come(browser, { viewport: { width: 1360, height: 860 } });
  const { context } = visitor;
  if (process.env.FRESH) await fresh(visitor);
  await context.addInitScript(() => addEventListener('message', ({ data }) => ((window as any).heard = [...((window as any).heard ?? []), data])));
  const page = await context.newPage();
  await page.goto(`${around.url}/`);
  const inside = page.frameLocator('iframe');
  // In the frame of another site this browser keeps nothing.
  const signsIn = async () => {
    await inside.getByRole('button', { name: 'Use an access token instead' }).click();
    await inside.getByLabel('Access token').fill(desk.server.token);
    await inside.getByRole('button', { name: 'Sign in' }).click();
  };
  await page.waitForTimeout(500);
  expect(await inside.locator('form').count()).toBe(0);
  await desk.server.put('/settings', { deny_iframe_integration: false });
  await page.reload();
  await signsIn();
  await inside.locator('.talk').getByText('Where is my kettle?').waitFor();
  // Nothing else can be reached from there.
  expect([await inside.locator('.list').count(), await inside.locator('.folders').count()]).toEqual([0, 0]);
  await inside.getByRole('button', { name: 'Take', exact: true }).click();
  const heard = () => page.evaluate(() => ((window as any).heard ?? []) as { name: string; data: Record<string, unknown> }[]);
  await expect.poll(async () => (await heard()).map(({ name }) => name)).toEqual(['smcc:content_thread:selected', 'smcc:content:intervention_opened']);
  const [selected, opened] = await heard();
  expect(selected!.data).toEqual({ id: thread.id, lastContentId: thread.last_content.id, firstIdentityId: thread.customer.id });
  expect([opened!.data.threadId, opened!.data.sourceId]).toEqual([thread.id, desk.source.id]);
  await page.goto(`${around.url}/content`);
  await signsIn();
  await inside.locator('.talk').getByText('Where is my kettle?').waitFor();
  await page.goto(`${around.url}/pull`);
  await signsIn();
  await inside.locator('.folders').waitFor();
  await expect.poll(() => inside.getByRole('link', { name: /^Mine/ }).innerText()).toContain('1');
  await context.close();
});

test('another site hears what becomes of a task that is in an agent’s hands', async () => {
  const desk = await Desk.opens();
  await desk.server.post('/channels', { name: 'Messages', source_ids: [desk.source.id] });
  await desk.server.put('/settings', { deny_iframe_integration: false });
  const ada = await desk.hires('Ada');
  const around = await Site.start('');
  around.pages['/'] = { body: `<iframe width="1300" height="800" src="${desk.server.url}/home?view=no-header"></iframe>` };
  const visitor = await Visitor.come(browser, { viewport: { width: 1360, height: 860 } });
  if (process.env.FRESH) await fresh(visitor);
  await visitor.context.addInitScript(() => addEventListener('message', ({ data }) => ((window as any).heard = [...((window as any).heard ?? []), data])));
  const page = await visitor.open(`${around.url}/`);
  const inside = page.frameLocator('iframe');
  await inside.getByRole('button', { name: 'Use an access token instead' }).click();
  await inside.getByLabel('Access token').fill(ada.token);
  await inside.getByRole('button', { name: 'Sign in' }).click();
  await inside.getByRole('button', { name: 'Receives no tasks' }).click();
  await inside.getByRole('option', { name: 'Receive tasks' }).click();
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await inside.getByRole('button', { name: 'Accept' }).click();
  await inside.locator('.talk').getByText('Where is my kettle?').waitFor();
  await inside.getByText('In your hands: 1').waitFor();
  const heard = async () => (await page.evaluate(() => ((window as any).heard ?? []) as { name: string; data: Record<string, unknown> }[])).filter(({ name }) => name === 'smcc:task:updated');
  await desk.says('Vera Visitor', 'a', 'It is the blue one.');
  const thread = await desk.thread('a');
  await expect.poll(async () => (await heard()).at(-1)?.data).toMatchObject({ contentThreadId: thread.id, sourceId: desk.source.id, queue: `workbin_${ada.id}`, waitingForUser: true, lastIdentityContentBody: 'It is the blue one.', identitySignature: 'Vera Visitor' });
  await ada.ask('POST', '/contents', { in_reply_to_id: (await desk.thread('a')).last_content.id, body: 'On its way.' });
  await expect.poll(async () => (await heard()).at(-1)?.data).toMatchObject({ segmentIndex: 1, waitingForUser: false, lastIdentityContentBody: null, lastIdentityContentCreatedAt: null });
  // All that the page names, and nothing else.
  const { data } = (await heard())[0]!;
  const named = ['Id', 'channelId', 'contentId', 'contentThreadId', 'identityId', 'interventionId', 'sourceId', 'queue', 'segmentIndex', 'lastIdentityContentBody', 'lastIdentityContentCreatedAt', 'waitingForUser', 'identitySignature', 'identityAvatarUrl'];
  expect(Object.keys(data).toSorted()).toEqual(named.toSorted());
  expect(data.lastIdentityContentCreatedAt).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$/);
  // Set aside and brought back, it is the next segment.
  const { id } = (await desk.thread('a')).intervention;
  await ada.ask('PUT', `/interventions/${id}/defer`, { deferred_at: new Date(Date.now() + 3_600_000).toISOString() });
  await inside.getByText('In your hands: 1').waitFor({ state: 'detached' });
  await ada.ask('PUT', `/interventions/${id}/reactivate`);
  await inside.getByRole('button', { name: 'Accept' }).click();
  await inside.getByText('In your hands: 1').waitFor();
  await expect.poll(async () => (await heard()).at(-1)?.data).toMatchObject({ segmentIndex: 2, interventionId: id, queue: `workbin_${ada.id}` });
  await visitor.leave();
});
