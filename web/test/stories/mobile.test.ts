// An app and a website before the real server: one person, one history.

import { createHmac } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { Messaging, unread } from '../../client/index.ts';
import { Frontdesk, type Source } from '../frontdesk.ts';

const KEY = '0123456789abcdef01234567';
const leaving: (() => unknown)[] = [];

afterEach(async () => {
  for (const leave of leaving.splice(0).reverse()) await leave();
});

function signed(uuid: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ typ: 'JWT', alg: 'HS256', kid: 'shop' })}.${part({ uuid, screenname: 'Vera', exp: Math.floor(Date.now() / 1000) + 7200 })}`;
  return `${text}.${createHmac('sha256', KEY).update(text).digest('base64url')}`;
}

async function begin(): Promise<{ desk: Frontdesk; source: Source }> {
  const desk = await Frontdesk.start();
  leaving.push(() => desk.stop());
  return { desk, source: await desk.source('mobile_messaging') };
}

async function opens(desk: Frontdesk, source: Source, more: object = {}): Promise<Messaging> {
  const app = new Messaging({ url: `http://127.0.0.1:${desk.port}`, token: source.token, ...more });
  leaving.push(() => app.stop());
  await app.start();
  return app;
}

const bodies = (app: Messaging) => (app.state.lines[app.state.shown ?? ''] ?? []).map(({ body }) => body);

test('what is written on the web is read in the app, and the other way', async () => {
  const { desk, source } = await begin();
  await desk.signs(source, KEY);
  const agent = await desk.agent(source);
  const jwt = async () => signed('customer-7');
  const [web, phone] = [await opens(desk, source, { jwt }), await opens(desk, source, { jwt })];
  web.write('From the desk at home');
  await expect.poll(() => phone.state.threads.map((thread) => thread.last_content?.body)).toEqual(['From the desk at home']);
  const thread = phone.state.threads[0]!.id;
  await phone.show(thread);
  phone.write('From the bus');
  await web.show(thread);
  await expect.poll(() => bodies(web)).toEqual(['From the desk at home', 'From the bus']);
  // The phone lies in a pocket: an answer is unread until somebody looks.
  [web.active, phone.active] = [false, false];
  await agent.answers(await agent.finds('From the bus'), 'It is in the van.');
  await expect.poll(() => [bodies(web).at(-1), unread(web.state), bodies(phone).at(-1), unread(phone.state)]).toEqual([
    'It is in the van.', 1, 'It is in the van.', 1,
  ]);
  phone.wake();
  await expect.poll(() => [unread(web.state), unread(phone.state)]).toEqual([0, 0]);
});

test('an app writes while the server is away, and goes on where it was', async () => {
  const { desk, source } = await begin();
  await desk.signs(source, KEY, 'reject');
  const agent = await desk.agent(source);
  const app = await opens(desk, source, { singleThread: true });
  app.write('Hello');
  const asked = await agent.finds('Hello');
  await desk.kill();
  app.write('Are you there?');
  await expect.poll(() => app.state.online, { timeout: 20_000 }).toBe(false);
  await desk.again();
  app.wake();
  await agent.finds('Are you there?');
  await app.show(app.state.threads[0]!.id);
  await agent.answers(asked, 'Yes.');
  await expect.poll(() => bodies(app), { timeout: 20_000 }).toEqual(['Hello', 'Are you there?', 'Yes.']);
  expect(await agent.bodies()).toEqual(['Hello', 'Are you there?', '> Yes.']);
  await app.register('phone', { platform: 'fcm', push_token: 'a-token-of-a-phone' });
  await app.signOut();
});
