import { expect, test } from 'vitest';
import { excerptOf, places, wordsOf } from './found.ts';

test('words are found from their beginning on, whatever their case and accents', () => {
  for (const [text, words, found] of [
    ['The Kettle, kettles', ['kettle'], ['Kettle', 'kettle']],
    ['teakettle', ['kettle'], []],
    ['Réservé à Zoé', ['reserve', 'ZOÉ'], ['Réservé', 'Zoé']],
    ['e\u0301te\u0301 2026', ['été'], ['e\u0301te\u0301']],
    ['red kettle', ['kettle', 'red kettle'], ['red kettle']],
    ['', ['x'], []],
    ['x', [''], []],
  ] as const) expect(places(text, [...words]).map(([from, to]) => text.slice(from, to))).toEqual(found);
});

test('an excerpt shows what was searched for', () => {
  expect(excerptOf('A blue\n kettle', ['kettle'])).toBe('A blue kettle');
  const long = `${'so it goes on '.repeat(20)}until the kettle ${'boils and '.repeat(60)}`;
  const excerpt = excerptOf(long, ['kettle']);
  expect(excerpt).toMatch(/^… \w.*until the kettle .*…$/);
  expect(excerpt.length).toBeLessThan(170);
  expect(excerptOf(`${'x'.repeat(300)} kettle`, ['kettle'])).toBe('… kettle');
  expect(excerptOf(long, ['elsewhere'])).toMatch(/^so it goes on/);
});

test('keywords of a search are no words of it', () => {
  expect(wordsOf('kettle source:1a "blue lid"')).toEqual(['kettle', 'blue', 'lid']);
});
