// The words of the console, in the language of whoever looks at it.

import { useSyncExternalStore } from 'react';
import { en, type Words } from './en.ts';
import { local } from '../storage.ts';

export type Locale = 'en' | 'fr';
export type Key = keyof Words;

const KEY = 'frontdesk.locale';
const listeners = new Set<() => void>();
let locale: Locale = 'en';
let words: Words = en;
let version = 0;

const known = (wanted: string | null | undefined): Locale | undefined => {
  const language = wanted?.slice(0, 2).toLowerCase();
  return language === 'en' || language === 'fr' ? language : undefined;
};

export const chosenLocale = (): Locale | undefined => known(local.getItem(KEY));

async function speak(wanted: Locale): Promise<void> {
  words = wanted === 'fr' ? (await import('./fr.ts')).fr : en;
  locale = wanted;
  document.documentElement.lang = wanted;
  version++;
  for (const listener of listeners) listener();
}

/** As was chosen here, or as the browser wishes. */
export const begin = (): Promise<void> => speak(chosenLocale() ?? known(navigator.language) ?? 'en');

export function choose(wanted: Locale): Promise<void> {
  local.setItem(KEY, wanted);
  return speak(wanted);
}

/** In French the space beside these signs stays on their line. */
export const unbroken = (text: string): string => (locale === 'fr' ? text.replace(/ (?=[;:?!»])|(?<=«) /g, '\u00a0') : text);

export function t(key: Key, put: Record<string, string | number> = {}): string {
  return unbroken(words[key]).replace(/\{(\w+)\}/g, (whole, name: string) => (name in put ? String(put[name]) : whole));
}

export const currentLocale = (): Locale => locale;

/** Draws again when the language changes. */
export const useLanguage = (): number =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => version,
  );

/** What a language is called, by its code, such as `pt-BR`. */
export function languageName(code: string): string {
  const name = new Intl.DisplayNames(locale, { type: 'language' }).of(code) ?? code;
  return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1);
}
