// The words of administration, which are loaded with it.

import { currentLocale, unbroken } from '../../language/index.ts';
import { en } from './en.ts';
import { fr } from './fr.ts';

export type Word = keyof typeof en;

export function w(key: Word, put: Record<string, string | number> = {}): string {
  const words: Record<Word, string> = currentLocale() === 'fr' ? fr : en;
  return unbroken(words[key]).replace(/\{(\w+)\}/g, (whole, name: string) => (name in put ? String(put[name]) : whole));
}

/** Whether there is a word for this. */
export const isWord = (key: string): key is Word => key in en;

/** What stands beside a field, if anything does. */
export const hint = (name: string): string => (`${name}_hint` in en ? w(`${name}_hint` as Word) : '');

/** What it leads to that a secret goes, if that is to be said. */
export const without = (name: string): string => (`${name}_without` in en ? w(`${name}_without` as Word) : '');
