import { expect, test } from 'vitest';
import { isWhole, parse, print, refused } from './query.ts';

test('a search is read into terms and printed again', () => {
  for (const [q, keys, again] of [
    ['', [], ''],
    ['kettle broken', ['text', 'text'], 'kettle broken'],
    ['source:1a status_in:new', ['source', 'status_in'], 'source:1a status_in:new'],
    ['-language:fr lamp', ['language', 'text'], '-language:fr lamp'],
    ['last_content_after:"2 days ago"', ['last_content_after'], 'last_content_after:"2 days ago"'],
    ['foreign:"open', ['foreign'], 'foreign:open'],
    ['"two words" order:created_at.asc', ['text', 'order'], '"two words" order:created_at.asc'],
    ['foreign:"a:b"', ['foreign'], 'foreign:"a:b"'],
    ['https://example.com/a/very at 14:30', ['text', 'text', 'text'], '"https://example.com/a/very" at "14:30"'],
  ] as const) {
    const terms = parse(q);
    expect(terms.map(({ key }) => key)).toEqual(keys);
    expect(print(terms)).toBe(again);
    expect(parse(print(terms))).toEqual(terms);
  }
});

test('a keyword with its value is a term of its own, words are not', () => {
  for (const [written, whole] of [
    ['language:fr', true],
    ['-language:fr', true],
    ['foreign:"a b"', true],
    ['foreign:"a b', false],
    ['https://example.com/a', false],
    ['language:', false],
    ['kettle', false],
  ] as const) expect(isWhole(written)).toBe(whole);
});

test('what the server refuses is found in the search', () => {
  const terms = parse('kettle foo:bar -sla:none');
  expect(refused('q: "foo" at character 8: threads are searched by id, order.', terms)).toMatchObject({ term: { key: 'foo', value: 'bar' }, at: 8, known: false });
  expect(refused('q: "sla" at character 16: this keyword cannot be negated.', terms)).toMatchObject({ at: 16, known: true, negation: true });
  expect(refused('q: more than 200 terms; use fewer.', terms)).toBeUndefined();
});
