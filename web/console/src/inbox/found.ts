// What it is in a text that was searched for. Pure.

import { parse } from './query.ts';

/** Characters of a message that are shown in the list, and before the first word that was searched for. */
const EXCERPT = 160;
const BEFORE = 16;

/** The words of a search, without its keywords. */
export const wordsOf = (q: string): string[] =>
  parse(q)
    .filter(({ key }) => key === 'text')
    .flatMap(({ value }) => value.split(/\s+/))
    .filter(Boolean);

/** Where words begin and end in a text, whatever their case and accents. */
export function places(text: string, words: string[]): [from: number, to: number][] {
  let plain = '';
  const at: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const letter = text[index]!.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    for (let count = 0; count < letter.length; count++) at.push(index);
    plain += letter;
  }
  at.push(text.length);
  const found: [number, number][] = [];
  for (const word of words) {
    const sought = word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    for (let from = sought ? plain.indexOf(sought) : -1; from >= 0; from = plain.indexOf(sought, from + sought.length)) {
      // Words are found from their beginning on.
      if (from === 0 || !/[\p{L}\p{N}]/u.test(plain[from - 1]!)) found.push([at[from]!, at[from + sought.length]!]);
    }
  }
  found.sort(([one], [other]) => one - other);
  return found.filter(([from], index) => index === 0 || from >= found[index - 1]![1]);
}

/** The part of a text, on one line, in which words are. */
export function excerptOf(text: string, words: string[]): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const first = places(line, words)[0]?.[0] ?? 0;
  const begin = first <= BEFORE ? 0 : line.indexOf(' ', first - BEFORE) + 1 || first;
  const piece = line.slice(begin > first ? first : begin);
  return `${begin ? '… ' : ''}${piece.length > EXCERPT ? `${piece.slice(0, EXCERPT)}…` : piece}`;
}
