import { expect, test } from 'vitest';
import { secondsOf, shownSpan, spanOf, spansOf } from './spans.ts';

test('spans are written as people write them', () => {
  for (const [written, seconds, shown] of [
    ['30s', 30, '30s'],
    ['90', 90, '90s'],
    ['5 m', 300, '5m'],
    ['5min', 300, '5m'],
    ['24h', 86_400, '1d'],
    ['2j', 172_800, '2d'],
    ['36H', 129_600, '36h'],
    ['0', 0, '0s'],
  ] as const) {
    expect(secondsOf(written), written).toBe(seconds);
    expect(spanOf(seconds), written).toBe(shown);
    expect(secondsOf(shown)).toBe(seconds);
  }
  expect(spanOf(604_800, 'j')).toBe('7j');
  expect([shownSpan(300), shownSpan('24h', 'j'), shownSpan('soon'), shownSpan(undefined)]).toEqual(['5m', '1j', 'soon', '']);
  for (const wrong of ['', 'm', '-5m', '1.5h', '5 weeks', 'soon', '5m 30s', '99999999999999999999d']) expect(secondsOf(wrong), wrong).toBeUndefined();
});

test('several stand between commas', () => {
  expect(spansOf('1h, 4h; 1d,')).toEqual([3_600, 14_400, 86_400]);
  expect(spansOf('')).toEqual([]);
  expect(spansOf('1h, soon')).toBeUndefined();
});
