import { expect, test } from 'vitest';
import { hoursOf, secondsOf } from './hours.ts';

test('hours are written as people write them', () => {
  for (const [written, kept] of [
    ['9:00-12:30, 14:00-18:00', '32400-45000,50400-64800'],
    ['9-17', '32400-61200'],
    ['9h30–12h', '34200-43200'],
    ['0:00-24:00', '0-86400'],
    ['', ''],
  ]) {
    expect(secondsOf(written!), written).toBe(kept);
    if (kept) expect(secondsOf(hoursOf(kept))).toBe(kept);
  }
  for (const wrong of ['9', '9-8', '25:00-26:00', '9:70-10:00', 'nine-ten', '9-12, 11-13', '9-10-11']) expect(secondsOf(wrong), wrong).toBeUndefined();
});
