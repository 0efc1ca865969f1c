import { expect, test } from 'vitest';
import { added, concise, type Document, faultsOf, free, moved, read, renamed, without, write } from './topology-document.ts';

const day: Document = {
  version: 1,
  steps: [
    { name: 'last', agents: { last_agent: true }, for: '30s', next: 'team' },
    { name: 'team', agents: { team_ids: ['t'] }, for: '5m', next: 'all' },
    { name: 'all', agents: { everyone: true } },
  ],
  queues: [{ name: 'triage', next: 'team' }],
};
const ways = ({ start, steps, queues = [] }: Document): string => [start, ...[...steps, ...queues].map(({ name, next }) => `${name}>${next ?? ''}`)].filter(Boolean).join(' ');

test('a document is read and written as it is; what is none is not read', () => {
  expect(read(write(day))).toEqual(day);
  for (const other of ['{ "version": 1, "steps": [', '[]', '{}', '{"steps":{}}', '{"steps":[{"name":1}]}', '{"steps":[{"name":"a","agents":"everyone"}]}', '{"steps":[{"name":"a","when":{"languages":"fr"}}]}', '{"steps":[],"queues":[3]}', '{"steps":[],"start":1}', '{"steps":[{"name":"a","for":true}]}']) {
    expect(read(other), other).toBeUndefined();
  }
  // What the server takes for absent is.
  expect(read('{"steps":[{"name":"a","when":null,"next":null,"agents":{"everyone":true,"team_ids":null}}],"start":null}')).toEqual({ steps: [{ name: 'a', agents: { everyone: true } }] });
  expect(concise({ a: [], b: false, c: {}, d: '', e: 0, f: 'x' })).toEqual({ e: 0, f: 'x' });
});

test('what leads to a step follows its name, and goes on behind it when it goes', () => {
  expect(ways(renamed(day, 1, 'first line'))).toBe('last>first line first line>all all> triage>first line');
  expect(ways(without(day, 1))).toBe('last>all all> triage>all');
  expect(ways(without(day, 2))).toBe('last>team team> triage>team');
  expect(ways(without({ ...day, start: 'last' }, 0))).toBe('team team>all all> triage>team');
});

test('steps that lead to the next one still do in another order; other ways stay', () => {
  expect(ways(moved(day, 1, -1))).toBe('team>last last>all all> triage>team');
  const round = { ...day, start: 'team', queues: [] };
  expect(ways(moved(round, 0, 1))).toBe('team team>all last>team all>');
});

test('a step that is added is led to, by a step that lets go of its tasks', () => {
  const after = added(day, { name: 'night', agents: { everyone: true } });
  expect(ways(after)).toBe('last>team team>all all>night night> triage>team');
  expect(after.steps[2]!.for).toBe('5m');
  expect(ways(added({ steps: [] }, { name: 'a' }))).toBe('a>');
  expect([free(day, 'all'), free(day, 'triage'), free(day, 'night')]).toEqual(['all 2', 'triage 2', 'night']);
});

test('what the server says is wrong is told where it is', () => {
  expect(faultsOf('json_config: steps[2].next names no step: "tema".')).toEqual([{ list: 'steps', at: 2, part: 'next', reason: 'Names no step: "tema".' }]);
  expect(faultsOf('json_config: steps[0].agents.team_ids[0] names no team: 1.\njson_config: steps[1] is starved: a step.')).toEqual([
    { list: 'steps', at: 0, part: 'team_ids', reason: 'Names no team: 1.' },
    { list: 'steps', at: 1, reason: 'Is starved: a step.' },
  ]);
  expect(faultsOf('json_config: start names no step: "x".')).toEqual([{ list: 'start', reason: 'Names no step: "x".' }]);
  expect(faultsOf('json_config is no JSON: expected value.')).toEqual([{ reason: 'json_config is no JSON: expected value.' }]);
  expect(faultsOf('json_config: steps needs at least one step.')).toEqual([{ reason: 'Steps needs at least one step.' }]);
  expect(faultsOf(undefined)).toEqual([]);
});
