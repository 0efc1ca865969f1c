import { expect, test } from 'vitest';
import { at, isLive, isPosition, POSITIONS, type Position } from './positions.ts';

const fifteen = Array.from({ length: 15 }, (_, index) => 15 - index);

// The published picture: of fifteen pages, the fifteenth is the current one.
const PUBLISHED: Record<Position, number[]> = {
  current: [15],
  previous: [14],
  previous_2: [13],
  previous_3: [12],
  previous_4: [11],
  previous_5: [10],
  among_previous_2: [14, 13],
  among_previous_3: [14, 13, 12],
  among_previous_4: [14, 13, 12, 11],
  among_previous_5: [14, 13, 12, 11, 10],
  current_or_previous: [15, 14],
  current_or_among_previous_2: [15, 14, 13],
  current_or_among_previous_3: [15, 14, 13, 12],
  current_or_among_previous_4: [15, 14, 13, 12, 11],
  any: fifteen,
  any_previous: fifteen.slice(1),
  first: [1],
};

test('there are the seventeen published positions', () => {
  expect(POSITIONS).toHaveLength(17);
  expect(isPosition('any')).toBe(true);
  expect(isPosition('toString')).toBe(false);
});

test.each(Object.entries(PUBLISHED) as [Position, number[]][])('%s is %j', (position, pages) => {
  expect(at(position, fifteen)).toEqual(pages);
});

test('on the first page there is no previous one, and it is the first', () => {
  expect(at('previous', [1])).toEqual([]);
  expect(at('any_previous', [1])).toEqual([]);
  expect(at('first', [1])).toEqual([1]);
  expect(at('among_previous_3', [2, 1])).toEqual([1]);
  expect(at('current', [])).toEqual([]);
});

test('positions with the current page in them are live', () => {
  expect(POSITIONS.filter((position) => isLive(position, fifteen))).toEqual([
    'current',
    'current_or_previous',
    'current_or_among_previous_2',
    'current_or_among_previous_3',
    'current_or_among_previous_4',
    'any',
  ]);
  expect(isLive('first', [1])).toBe(true);
});
