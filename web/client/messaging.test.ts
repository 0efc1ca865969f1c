import { afterEach, expect, test, vi } from 'vitest';
import { fromPage, inMemory, Messaging, NEW, type Storage } from './index.ts';

type Asked = { method: string; path: string; body: Record<string, any>; bearer: string | null };

/** A server that says what it is told to say; its stream is silent. */
function server(answers: (asked: Asked) => unknown): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('WebSocket', class { close(): void {} });
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = url.replace('https://desk.example/chat/t/', '');
    const bearer = new Headers(init.headers).get('Authorization');
    const one = { method: init.method ?? 'GET', path, body: JSON.parse(String(init.body ?? '{}')), bearer };
    asked.push(one);
    const said = answers(one);
    if (said === undefined) throw new TypeError('no network');
    const { status = 200, ...body } = said as { status?: number };
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
  return asked;
}

const session = (more: object = {}) => ({
  status: 201, session: 'fds_1', expires_at: null, threads: [], seq: 4,
  identity: { id: null, uuid: 'anonymous-1', screenname: null, signed: false, email: null }, ...more,
});

let written = 0;
/** A content that was written a second after the one before: names are by chance, and say nothing of order. */
const content = ({ body }: Asked) => ({
  status: 201, id: `c-${body.client_id}`, client_id: body.client_id, thread_id: body.thread_id ?? 'thread-1', from: 'visitor', author: null,
  body: body.body, created_at: new Date(Date.UTC(2026, 10, 28, 13) + 1_000 * written++).toISOString(), attachments: [], structured_content: null,
});

const options = (storage: Storage) => ({ url: 'https://desk.example/', token: 't', storage });

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('an anonymous person is the same one at the next start', async () => {
  const asked = server(() => session());
  const storage = inMemory();
  for (const known of [null, 'fds_1']) {
    const app = new Messaging(options(storage));
    await app.start();
    expect(asked.at(-1)).toMatchObject({ method: 'POST', path: 'session', body: { session: known } });
    app.stop();
    await vi.waitFor(async () => expect(await storage.getItem('frontdesk:t:session')).toBe('"fds_1"'));
  }
});

test('what could not be sent goes out after a restart, under the same name', async () => {
  let network = false;
  const asked = server((one) => (one.path === 'session' ? session() : one.path === 'contents' && network ? content(one) : undefined));
  const storage = inMemory();
  const before = new Messaging(options(storage));
  await before.start();
  const name = before.write('From the tunnel');
  expect(before.state.lines[NEW]?.[0]).toMatchObject({ body: 'From the tunnel', state: 'sending' });
  await vi.waitFor(async () => expect(await storage.getItem('frontdesk:t:waiting')).toContain(name));
  before.stop();
  network = true;
  const after = new Messaging(options(storage));
  await after.start();
  await vi.waitFor(() => expect(after.state.lines['thread-1']?.[0]).toMatchObject({ client_id: name, body: 'From the tunnel' }));
  expect(asked.at(-1)).toMatchObject({ path: 'contents', bearer: 'Bearer fds_1', body: { client_id: name } });
  await vi.waitFor(async () => expect(await storage.getItem('frontdesk:t:waiting')).toBe(null));
  after.stop();
});

test("what somebody else has written on this phone is not sent", async () => {
  let uuid = 'anonymous-1';
  const asked = server(({ path }) => (path === 'session' ? session({ identity: { id: null, uuid, screenname: null, signed: false, email: null } }) : undefined));
  const storage = inMemory();
  const before = new Messaging(options(storage));
  await before.start();
  before.write('Mine');
  await vi.waitFor(async () => expect(await storage.getItem('frontdesk:t:waiting')).toContain('Mine'));
  before.stop();
  uuid = 'customer-2';
  asked.length = 0;
  const after = new Messaging(options(storage));
  await after.start();
  await new Promise((next) => setTimeout(next, 50));
  expect(asked.filter(({ path }) => path === 'contents')).toEqual([]);
  after.stop();
});

test('a signed identity is renewed before its end, and its session is kept nowhere', async () => {
  vi.useFakeTimers({ now: Date.parse('2026-11-28T12:00:00Z') });
  const signature = (exp: number) => `h.${btoa(JSON.stringify({ exp }))}.s`;
  let made = 0;
  const jwt = async () => signature(Date.parse('2026-11-28T14:00:00Z') / 1000 + 3600 * made++);
  const identity = { id: null, uuid: 'customer-7', screenname: 'Vera', signed: true, email: null };
  const asked = server(({ method }) => (method === 'POST' ? session({ identity, expires_at: '2026-11-28T14:00:00Z' }) : { status: 204 }));
  const storage = inMemory();
  const app = new Messaging({ ...options(storage), jwt });
  await app.start();
  await vi.advanceTimersByTimeAsync(118 * 60_000);
  expect(asked.filter(({ method }) => method === 'PUT')).toEqual([]);
  await vi.advanceTimersByTimeAsync(2 * 60_000);
  expect(asked.filter(({ method }) => method === 'PUT')).toMatchObject([{ path: 'session', body: { jwt: signature(Date.parse('2026-11-28T15:00:00Z') / 1000) } }]);
  await vi.advanceTimersByTimeAsync(61 * 60_000);
  expect(asked.filter(({ method }) => method === 'PUT').length).toBe(2);
  expect(await storage.getItem('frontdesk:t:session')).toBe(null);
  app.stop();
});

test('who signs out leaves nothing behind', async () => {
  const asked = server(({ method }) => (method === 'DELETE' ? { status: 204 } : session()));
  const storage = inMemory();
  const app = new Messaging(options(storage));
  await app.start();
  await app.register('phone', { platform: 'fcm', push_token: 'a-token-of-a-phone' });
  expect(asked.at(-1)).toMatchObject({ method: 'PUT', path: 'devices/phone', body: { platform: 'fcm', push_token: 'a-token-of-a-phone' } });
  await app.signOut();
  expect(asked.at(-1)).toMatchObject({ method: 'DELETE', path: 'session', bearer: 'Bearer fds_1' });
  expect(await storage.getItem('frontdesk:t:session')).toBe(null);
  expect(app.state.threads).toEqual([]);
});

test('a page above a conversation wishes what it may', () => {
  expect(fromPage('{"frontdesk":"close"}')).toEqual({ close: true });
  expect(fromPage({ frontdesk: 'title', title: 'Seats' })).toEqual({ title: 'Seats' });
  for (const strange of ['', 'null', '{', 7, null, {}, { frontdesk: 'title' }, { frontdesk: 'open' }]) expect(fromPage(strange)).toBe(undefined);
});

test('what was refused is tried again as what it was: a file, a choice, in its conversation', async () => {
  let refuses = false;
  const asked = server((one) => {
    if (one.path === 'session') return session();
    if (one.path !== 'contents') return undefined;
    return refuses ? { status: 422, error: 'invalid', message: 'invalid' } : content(one);
  });
  const sent = () => asked.filter(({ path }) => path === 'contents').map(({ body }) => body);
  const app = new Messaging(options(inMemory()));
  await app.start();
  app.write('Hello');
  // Written before the conversation has its id.
  const choice = app.choose('content-1', { title: 'Blue', payload: 'b' });
  await vi.waitFor(() => expect(sent()).toHaveLength(1));
  refuses = true;
  await vi.waitFor(() => expect(app.state.lines['thread-1']?.at(-1)).toMatchObject({ client_id: choice, state: 'failed' }));
  const file = app.write('photo.png', { attachment_ids: ['file-1'] });
  await vi.waitFor(() => expect(app.state.lines['thread-1']?.at(-1)).toMatchObject({ client_id: file, state: 'failed' }));
  expect(app.state.lines[NEW]).toBeUndefined();
  refuses = false;
  await app.show(null);
  for (const name of [choice, file]) app.retry(name);
  await vi.waitFor(() => expect(app.state.lines['thread-1']?.map(({ body, state }) => [body, state])).toEqual([['Hello', undefined], ['Blue', undefined], ['photo.png', undefined]]));
  expect(sent().slice(-2)).toMatchObject([
    { client_id: choice, thread_id: 'thread-1', structured_reply: { content_id: 'content-1', payload: 'b' } },
    { client_id: file, thread_id: 'thread-1', attachment_ids: ['file-1'] },
  ]);
  app.stop();
});
