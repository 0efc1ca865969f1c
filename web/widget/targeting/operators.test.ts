import { describe, expect, test } from 'vitest';
import { coerce, holds, normalise, numberOf, OPERATORS } from './operators.ts';
import type { Type } from './types.ts';

// The published table, row by row: source, what it becomes, operator, value, what that becomes, result.
const PUBLISHED: [string, string, string, string, string, boolean][] = [
  [' La Naïveté ', 'la naivete', 'is', ' La Naïveté ', 'la naivete', true],
  [' La Naïveté ', 'la naivete', 'is', 'la naivete', 'la naivete', true],
  [' La Naïveté ', 'la naivete', 'is', ' la naivete ', 'la naivete', true],
  [' La Naïveté ', 'la naivete', 'is', 'la naivete, hello', 'la naivete, hello', true],
  [' La Naïveté ', 'la naivete', 'is_not', 'la naivete', 'la naivete', false],
  [' La Naïveté ', 'la naivete', 'is_not', 'la naivete, des gens', 'la naivete, des gens', false],
  [' La Naïveté ', 'la naivete', 'contains', 'naïve', 'naive', true],
  [' La Naïveté ', 'la naivete', 'contains', ' naïve ', 'naive', true],
  [' La Naïveté ', 'la naivete', 'starts_with', ' La ', 'la', true],
  [' La Naïveté ', 'la naivete', 'starts_with', 'la', 'la', true],
  [' La Naïveté des Gens ', 'la naivete des gens', 'ends_with', ' des gens ', 'des gens', true],
  [' La Naïveté ', 'la naivete', 'contains', 'naif', 'naif', false],
];

test.each(PUBLISHED)('%j becomes %j and %s %j (%j): %s', (source, normal, operator, value, wanted, result) => {
  expect(normalise(source)).toBe(normal);
  expect(normalise(value)).toBe(wanted);
  expect(holds('string', operator, source, value)).toBe(result);
});

// Operator, value on the page (undefined: there is none), value of the condition, result.
const STRINGS: [string, string | undefined, string | null, boolean][] = [
  ['is', 'shoes', 'hats, shoes', true],
  ['is', 'shoes', 'hats, boots', false],
  ['is', undefined, 'shoes', false],
  ['is', undefined, '', false],
  ['is', '', '', true],
  ['is', ' ', '', true],
  ['is_not', 'shoes', 'hats, boots', true],
  ['is_not', 'shoes', 'hats, shoes', false],
  ['is_not', undefined, 'shoes', true],
  // The published example: what cannot be found is not an empty string.
  ['is_not', undefined, '', true],
  ['is_not', '', '', false],
  ['contains', 'pink dress', 'hat, dress', true],
  ['contains', 'pink dress', 'hat, shoe', false],
  ['contains', undefined, 'dress', false],
  // An empty place in a list is none.
  ['contains', 'pink dress', 'hat,', false],
  ['does_not_contain', 'pink dress', 'hat, shoe', true],
  ['does_not_contain', 'pink dress', 'hat, dress', false],
  ['does_not_contain', undefined, 'dress', true],
  ['starts_with', '/dresses/587-pink-dress', '/dresses/', true],
  ['starts_with', '/dresses/', '/hats/, /dresses/', true],
  ['starts_with', '/shop/dresses/', '/dresses/', false],
  ['starts_with', undefined, '/', false],
  ['ends_with', '/thanks.html', '.php, .html', true],
  ['ends_with', '/thanks.html?x', '.html', false],
  ['ends_with', undefined, '', false],
  ['is_present', 'x', null, true],
  ['is_present', '', null, false],
  ['is_present', '  ', null, false],
  ['is_present', undefined, null, false],
  ['is_not_present', 'x', null, false],
  ['is_not_present', '  ', null, true],
  ['is_not_present', undefined, null, true],
];

test.each(STRINGS)('a string: %s, page %j, condition %j: %s', (operator, found, wanted, result) => {
  expect(holds('string', operator, found, wanted)).toBe(result);
});

const OTHERS: [Type, string, unknown, unknown, boolean][] = [
  ['number', 'is', 2, '2', true],
  ['number', 'is', 2, 3, false],
  ['number', 'is', undefined, 0, false],
  ['number', 'greater_or_equal', 15, 15, true],
  ['number', 'greater_or_equal', 14, 15, false],
  ['number', 'lesser_or_equal', 15, 15, true],
  ['number', 'lesser_or_equal', 16, 15, false],
  ['number', 'lesser_or_equal', undefined, 15, false],
  ['number', 'is_present', 0, null, true],
  ['number', 'is_present', undefined, null, false],
  ['number', 'is_not_present', undefined, null, true],
  ['number', 'is_not_present', 'none', null, true],
  ['number', 'greater_or_equal', '58,50 €', 58.5, true],
  ['boolean', 'is', true, true, true],
  ['boolean', 'is', false, 'false', true],
  ['boolean', 'is', undefined, false, false],
  ['boolean', 'is_present', true, null, true],
  ['boolean', 'is_present', false, null, false],
  ['boolean', 'is_present', undefined, null, false],
  ['boolean', 'is_not_present', false, null, true],
  ['boolean', 'is_not_present', undefined, null, true],
  ['boolean', 'is_not_present', true, null, false],
  // The week begins on Monday.
  ['day', 'greater_or_equal', 6, 'Saturday', true],
  ['day', 'greater_or_equal', 7, 'Saturday', true],
  ['day', 'greater_or_equal', 5, 'Saturday', false],
  ['day', 'lesser_or_equal', 1, 'Friday', true],
  ['day', 'lesser_or_equal', 5, 'Friday', true],
  ['day', 'lesser_or_equal', 6, 'Friday', false],
  ['day', 'is', 3, 'wednesday', true],
  ['day', 'is', 3, 'Someday', false],
  ['day', 'is_present', 3, null, true],
  ['time', 'greater_or_equal', 20 * 60, '20:00', true],
  ['time', 'greater_or_equal', 23 * 60 + 59, '20:00', true],
  ['time', 'greater_or_equal', 19 * 60 + 59, '20:00', false],
  ['time', 'lesser_or_equal', 19 * 60 + 45, '19:45', true],
  ['time', 'lesser_or_equal', 19 * 60 + 46, '19:45', false],
  ['time', 'greater_or_equal', 0, '00:00', true],
  ['time', 'is', 30, '00:30', true],
  ['time', 'is', 30, '25:00', false],
];

test.each(OTHERS)('%s: %s, page %j, condition %j: %s', (type, operator, found, wanted, result) => {
  expect(holds(type, operator, found, wanted)).toBe(result);
});

test('a type has only its own operators', () => {
  const counts = Object.fromEntries(Object.entries(OPERATORS).map(([type, list]) => [type, list.length]));
  expect(counts).toEqual({ boolean: 3, number: 5, day: 5, time: 5, string: 8 });
  expect(holds('number', 'contains', 12, '1')).toBe(false);
  expect(holds('number', 'is_not', 12, 1)).toBe(false);
  expect(holds('string', 'greater_or_equal', 'b', 'a')).toBe(false);
  expect(holds('boolean', 'is_not', true, false)).toBe(false);
  expect(holds('string', 'constructor', 'b', 'a')).toBe(false);
});

test.each([
  ['58', 58],
  ['58.5', 58.5],
  ['58,50 €', 58.5],
  ['$1,299.00', 1299],
  ['1.299,00 EUR', undefined],
  ['1.299,00', 1299],
  ['1,299', 1299],
  ['1 299', 1299],
  ["1'299.5", 1299.5],
  ['-3', -3],
  ['.5', 0.5],
  ['', undefined],
  ['free', undefined],
  ['1e400', undefined],
  [Number.NaN, undefined],
  [Infinity, undefined],
  [{}, undefined],
])('the number in %j is %j', (text, number) => expect(numberOf(text)).toBe(number));

describe('whatever a page hands over, nothing is thrown', () => {
  const odd = [undefined, null, '', 'x', 0, -1, Number.NaN, true, {}, [], () => 1, 10n, '\ud800', 'x'.repeat(100_000)];
  test.each(Object.keys(OPERATORS) as Type[])('%s', (type) => {
    for (const value of odd) {
      coerce(type, value);
      for (const operator of OPERATORS[type]) {
        for (const wanted of odd) expect(typeof holds(type, operator, value, wanted)).toBe('boolean');
      }
    }
  });
});
