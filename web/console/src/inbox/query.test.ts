import { expect, test } from 'vitest';
import { isWhole, parse, print } from './query.ts';

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
    ['language:', false],
    ['kettle', false],
  ] as const) expect(isWhole(written)).toBe(whole);
});
