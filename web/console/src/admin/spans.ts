// Spans of time as people write them, such as 30s, 5m, 2h or 1d, and as seconds. Pure.

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;
/** A day is written as in English, and as in French. */
const WRITTEN: Record<string, number> = { ...Object.fromEntries(UNITS), min: 60, j: 86_400 };

/** Seconds; without a unit they are seconds already. Nothing for what is no span. */
export function secondsOf(written: string): number | undefined {
  const [, count, unit = ''] = /^(\d+)\s*([a-z]*)$/.exec(written.trim().toLowerCase()) ?? [];
  const seconds = Number(count) * (unit ? (WRITTEN[unit] ?? Number.NaN) : 1);
  return Number.isSafeInteger(seconds) ? seconds : undefined;
}

/** In the longest unit that holds it without a rest; `day` is how that one is written. */
export function spanOf(seconds: number, day = 'd'): string {
  const [unit, length] = UNITS.find(([, length]) => seconds % length === 0 && seconds >= length) ?? (['s', 1] as const);
  return `${seconds / length}${unit === 'd' ? day : unit}`;
}

/** As it is shown: what is no span is shown as it is. */
export function shownSpan(span: unknown, day?: string): string {
  const seconds = secondsOf(String(span ?? ''));
  return seconds === undefined ? String(span ?? '') : spanOf(seconds, day);
}

/** Several, with commas between them. Nothing where one of them is none. */
export function spansOf(written: string): number[] | undefined {
  const spans = written
    .split(/[,;]/)
    .filter((part) => part.trim())
    .map(secondsOf);
  return spans.every((seconds) => seconds !== undefined) ? (spans as number[]) : undefined;
}
