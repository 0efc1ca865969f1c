// Opening hours as people write them, and as REST has them: intervals of seconds since midnight. Pure.

const DAY_SECONDS = 86_400;

const clock = (seconds: number): string => {
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
};

/** `32400-43200,50400-64800` as `9:00-12:00, 14:00-18:00`. */
export const hoursOf = (text: string): string =>
  text
    .split(',')
    .filter(Boolean)
    .map((interval) => interval.split('-').map(Number).map(clock).join('-'))
    .join(', ');

function seconds(written: string): number | undefined {
  const found = /^(\d{1,2})(?:[:h.](\d{2})?)?$/.exec(written.trim());
  if (!found) return undefined;
  const at = Number(found[1]) * 3_600 + Number(found[2] ?? 0) * 60;
  return Number(found[2] ?? 0) < 60 && at <= DAY_SECONDS ? at : undefined;
}

/** The other way; nothing for what are no hours. */
export function secondsOf(written: string): string | undefined {
  const intervals: [number, number][] = [];
  for (const interval of written.split(/[,;]/).filter((part) => part.trim())) {
    const [from, until, ...more] = interval.split(/[-–]/).map(seconds);
    if (from === undefined || until === undefined || more.length || until <= from) return undefined;
    if (from < (intervals.at(-1)?.[1] ?? 0)) return undefined;
    intervals.push([from, until]);
  }
  return intervals.map((interval) => interval.join('-')).join(',');
}
