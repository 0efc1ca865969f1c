// Times as people say them.

import { useSyncExternalStore } from 'react';
import { currentLocale, t } from './language/index.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Ages are told by minutes: they are looked at again this often. */
const TICK_MS = 20_000;

let now = Date.now();
const listeners = new Set<() => void>();
setInterval(() => {
  if (document.hidden) return;
  now = Date.now();
  for (const listener of listeners) listener();
}, TICK_MS);

/** Milliseconds since 1970, to the minute; draws again as it passes. */
export const useNow = (): number =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => now,
  );

/** Making one takes a hundred times as long as using it. */
const kept = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat>();

function formatter<T extends Intl.DateTimeFormat | Intl.NumberFormat>(key: string, make: () => T): T {
  const name = `${currentLocale()} ${key}`;
  const known = (kept.get(name) as T | undefined) ?? make();
  kept.set(name, known);
  return known;
}

const format = (options: Intl.DateTimeFormatOptions, date: Date): string =>
  formatter(JSON.stringify(options), () => new Intl.DateTimeFormat(currentLocale(), options)).format(date);

/** How long ago, in as few letters as may be: 5 min, 3 h, 2 d, then a date. */
export function age(time: string, at: number = Date.now()): string {
  const seconds = Math.max(0, (at - Date.parse(time)) / 1000);
  const unit = (value: number, name: string) => 
    formatter(name, () => new Intl.NumberFormat(currentLocale(), { style: 'unit', unit: name, unitDisplay: currentLocale() === 'en' ? 'narrow' : 'short' })).format(value);
  if (seconds < MINUTE) return t('now');
  if (seconds < HOUR) return unit(Math.floor(seconds / MINUTE), 'minute');
  if (seconds < DAY) return unit(Math.floor(seconds / HOUR), 'hour');
  if (seconds < 7 * DAY) return unit(Math.floor(seconds / DAY), 'day');
  const date = new Date(time);
  return format(date.getFullYear() === new Date(at).getFullYear() ? { day: 'numeric', month: 'short' } : { month: 'short', year: 'numeric' }, date);
}

export const clock = (time: string): string => format({ hour: 'numeric', minute: '2-digit' }, new Date(time));
export const whole = (time: string): string => format({ dateStyle: 'full', timeStyle: 'short' }, new Date(time));
export const date = (time: string): string => format({ dateStyle: 'long' }, new Date(time));

/** A day as a heading: today, yesterday, then its date. */
export function day(time: string): string {
  const that = new Date(time);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / (DAY * 1000));
  if (days === 0 || days === 1) return new Intl.RelativeTimeFormat(currentLocale(), { numeric: 'auto' }).format(-days, 'day');
  return format({ weekday: 'long', day: 'numeric', month: 'long', ...(that.getFullYear() !== new Date().getFullYear() && { year: 'numeric' }) }, that);
}

/** So many seconds ahead, in the largest unit that tells them exactly: In 4 hours. */
export function ahead(seconds: number): string {
  const units = [[DAY, 'day'], [HOUR, 'hour'], [MINUTE, 'minute'], [1, 'second']] as const;
  const [size, unit] = units.find(([size]) => seconds % size === 0) ?? units[3];
  const said = new Intl.RelativeTimeFormat(currentLocale()).format(seconds / size, unit);
  return said.charAt(0).toLocaleUpperCase(currentLocale()) + said.slice(1);
}

/** When something comes back: the hour today, else the day too. */
export function moment(time: string): string {
  const that = new Date(time);
  return format(that.toDateString() === new Date().toDateString() ? { hour: 'numeric', minute: '2-digit' } : { weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' }, that);
}
