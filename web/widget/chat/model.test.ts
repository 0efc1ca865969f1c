import { expect, test } from 'vitest';
import { begin, fetched, type Line, NEW, placed, sending, told, unread } from './model.ts';
import type { Content, Thread } from './types.ts';

const content = (id: string, more: Partial<Content> = {}): Content => ({
  id,
  client_id: null,
  thread_id: 't',
  from: 'agent',
  author: null,
  body: id,
  created_at: `2026-11-28T13:00:0${id}Z`,
  attachments: [],
  structured_content: null,
  ...more,
});
const thread = (id: string, more: Partial<Thread> = {}): Thread => ({
  id,
  opened: true,
  updated_at: '2026-11-28T12:00:00Z',
  text_input: true,
  unread: 0,
  last_content: null,
  ...more,
});
const bodies = (lines: Line[] | undefined) => lines?.map(({ body, state }) => (state ? `${body} ${state}` : body));
const out = (client_id: string, more = {}) => ({ client_id, thread_id: 't', body: client_id, ...more });

test('contents are in the order of their time, each once, whatever the order in which they come', () => {
  const lines = ['3', '1', '2', '1', '3'].reduce<Line[]>((all, id) => placed(all, content(id)), []);
  expect(bodies(lines)).toEqual(['1', '2', '3']);
  expect(bodies(placed(lines, content('2', { body: 'changed' })))).toEqual(['1', 'changed', '3']);
});

test('a message of ours is there at once, and is not doubled when it comes back, by the answer and by the stream', () => {
  let state = fetched(begin(true), 't', [content('1')], false);
  state = sending(state, out('a'), '2026-11-28T13:00:01Z');
  state = sending(state, out('b'), '2026-11-28T13:00:01Z');
  expect(bodies(state.lines.t)).toEqual(['1', 'a sending', 'b sending']);
  // What comes meanwhile goes before what is on its way.
  state = told(state, { type: 'content', seq: 5, content: content('2') }, 0);
  expect(bodies(state.lines.t)).toEqual(['1', '2', 'a sending', 'b sending']);
  const mine = content('3', { client_id: 'a', from: 'visitor', body: 'a' });
  for (const seq of [6, 6]) state = told(state, { type: 'content', seq, content: mine }, 0);
  state = sending(state, out('b'), '2026-11-28T13:00:09Z', true);
  expect(bodies(state.lines.t)).toEqual(['1', '2', 'a', 'b failed']);
  state = sending(state, out('c'), '2026-11-28T13:00:09Z');
  // Tried again, it keeps its place.
  state = sending(state, out('b'), '2026-11-28T13:00:09Z');
  expect(bodies(state.lines.t)).toEqual(['1', '2', 'a', 'b sending', 'c sending']);
  expect(state.seq).toBe(6);
});

test('a new conversation gets its id with its first message, and what waits moves along', () => {
  let state = begin(true);
  for (const id of ['a', 'b']) state = sending(state, out(id, { thread_id: null }), '2026-11-28T13:00:01Z');
  expect(state.shown).toBeNull();
  state = told(state, { type: 'content', seq: 1, content: content('1', { client_id: 'a', from: 'visitor', body: 'a' }) }, 0);
  expect(state.shown).toBe('t');
  expect(state.lines[NEW]).toBeUndefined();
  expect(bodies(state.lines.t)).toEqual(['a', 'b sending']);
});

test('conversations: the latest first, unread ones counted, read elsewhere', () => {
  let state = begin(false);
  state = told(state, { type: 'thread', seq: 1, thread: thread('t', { unread: 2 }) }, 0);
  state = told(state, { type: 'thread', seq: 2, thread: thread('u', { unread: 1, updated_at: '2026-11-28T12:30:00Z' }) }, 0);
  expect(state.threads.map(({ id }) => id)).toEqual(['u', 't']);
  expect(unread(state)).toBe(3);
  state = told(state, { type: 'read', seq: 3, thread_id: 't', content_id: '1', from: 'visitor' }, 0);
  state = told(state, { type: 'read', seq: 4, thread_id: 'u', content_id: '1', from: 'agent' }, 0);
  expect(unread(state)).toBe(1);
  // A content of a conversation that was not looked at is only its last one.
  state = told(state, { type: 'content', seq: 5, content: content('9') }, 0);
  expect(state.lines.t).toBeUndefined();
  expect(state.threads.find(({ id }) => id === 't')?.last_content?.body).toBe('9');
});

test('hints come and go', () => {
  let state = begin(true);
  state = told(state, { type: 'typing', thread_id: 't', typing: true, screenname: 'Alicia' }, 1000);
  expect(state.typing.t).toEqual({ screenname: 'Alicia', until: 7000 });
  state = told(state, { type: 'queue', thread_id: 't', state: 'queued', position: 2, estimated_wait_seconds: 90 }, 0);
  expect(state.queue.t).toEqual({ position: 2, seconds: 90, transfered: false });
  state = told(state, { type: 'content', seq: 1, content: content('1') }, 0);
  expect([state.typing.t, state.queue.t]).toEqual([undefined, undefined]);
  state = told(state, { type: 'end', error: 'identity_expired' }, 0);
  expect(state.ended).toBe('identity_expired');
});

test('what a newer server tells is passed over, and its place is kept', () => {
  const state = told(begin(true), { type: 'cobrowsing', seq: 7 } as never, 0);
  expect(state).toEqual({ ...begin(true), seq: 7 });
  expect(told(begin(true), { type: 'heartbeat' } as never, 0).seq).toBe(0);
});

test('answers are counted until they are read, and each once', () => {
  let state = told(begin(true), { type: 'thread', seq: 1, thread: thread('t', { last_content: content('1', { from: 'visitor' }) }) }, 0);
  const hear = (id: string, more: Partial<Content> = {}) => (state = told(state, { type: 'content', seq: 2, content: content(id, more) }, 0));
  for (const id of ['1', '2', '2', '3']) hear(id);
  hear('2', { body: 'changed' });
  hear('4', { from: 'visitor' });
  expect(unread(state)).toBe(2);
  state = told(state, { type: 'read', seq: 5, thread_id: 't', content_id: '3', from: 'visitor' }, 0);
  expect(unread(state)).toBe(0);
});
