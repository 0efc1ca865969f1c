// What administration says of permissions is so: those that nothing asks for are those that no operation and no rule names.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const crates = fileURLToPath(new URL('../../../crates/', import.meta.url));
const words = readFileSync(fileURLToPath(new URL('../../console/src/admin/words/permissions.ts', import.meta.url)), 'utf8');
/** They name permissions also without asking for them: the list itself, what roles can hold, and what the first ones do. */
const LISTS = /^model\/|\/roles\.rs$|\/setup\.rs$/;
const ASKED = /permissions\(&\[[^\]]*\]\)/g;

test('permissions that nothing asks for are said to be so, and no others', () => {
  const files = readdirSync(crates, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.rs'));
  const text = (path: string): string => {
    const whole = readFileSync(crates + path, 'utf8');
    return LISTS.test(path) ? (whole.match(ASKED) ?? []).join() : whole;
  };
  const asked = new Set(files.flatMap((path) => [...text(path).matchAll(/Permission::(\w+)/g)].map(([, name]) => name)));
  const camel = (name: string) => name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  const all = [...words.matchAll(/^ +\['(\w+)', '/gm)].map(([, name]) => name!);
  const idle = /new Set\(\s*'([^']+)'/.exec(words)![1]!.split(' ');
  expect(all).toHaveLength(74);
  expect(idle.toSorted()).toEqual(all.filter((name) => !asked.has(camel(name))).toSorted());
});
