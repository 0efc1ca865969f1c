// The journal's names that administration has words for are those that the server knows.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EVENTS, eventWords } from '../../console/src/admin/words/events.ts';

const table = readFileSync(fileURLToPath(new URL('../../../crates/model/src/journal.rs', import.meta.url)), 'utf8');
const listed = (name: string): string[] => [...new RegExp(`pub const ${name}: &\\[&str\\] = &\\[([^\\]]*)`).exec(table)![1]!.matchAll(/"([^"]+)"/g)].map(([, one]) => one!);

test('each of the 272 names of the journal is suggested, in words', () => {
  expect(EVENTS.toSorted()).toEqual([...listed('BOTH'), ...listed('JOURNAL_ONLY')].toSorted());
  expect(EVENTS).toHaveLength(272);
  for (const name of EVENTS) expect(eventWords(name), name).toMatchObject({ about: expect.stringMatching(/^[A-Z]/), became: expect.stringMatching(/^[a-z]/) });
  expect(eventWords('something.new')).toEqual({ about: '', became: 'something.new' });
});
