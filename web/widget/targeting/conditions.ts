// One condition over the pages of a visit, and when it has to be looked at again.

import { coerce, dayOf, holds, minuteOf } from './operators.ts';
import { at, isLive, isPosition } from './positions.ts';
import { CRITERIA, type Condition, type CustomVariable, type Type, type Value, type Values } from './types.ts';

/** What a condition speaks of; nothing when neither criterion nor variable has this name. */
export function typeOf(criterion: string, variables: readonly CustomVariable[]): Type | undefined {
  if (Object.hasOwn(CRITERIA, criterion)) return CRITERIA[criterion as keyof typeof CRITERIA];
  return variables.find((variable) => variable.name === criterion)?.type;
}

export interface Checked {
  condition: Condition;
  holds: boolean;
  /** What was found on the pages that the condition looks at, the newest first. */
  found: (Value | undefined)[];
  /** The condition names something that does not exist, so it is never met. */
  unknown?: boolean;
}

const DURATIONS = ['page_visit_duration', 'visit_duration'];

/** Durations count whole seconds; what is left of them only says when the next one is full. */
const whole = (criterion: string, value: Value | undefined): Value | undefined =>
  DURATIONS.includes(criterion) ? Math.floor(value as number) : value;

/**
 * Whether a condition is met. `pages` are all pages of the visit, the current one first. One page that meets it is
 * enough; where the position means no page at all, the value is not defined.
 */
export function check(condition: Condition, pages: readonly Values[], variables: readonly CustomVariable[]): Checked {
  const type = typeOf(condition.criterion, variables);
  const position = condition.position ?? 'current';
  if (!type || !isPosition(position)) return { condition, holds: false, found: [], unknown: true };
  const found = at(position, pages).map((page) => whole(condition.criterion, page[condition.criterion]));
  const looked = found.length ? found : [undefined];
  return { condition, found, holds: looked.some((value) => holds(type, condition.operator, value, condition.value)) };
}

/**
 * The moment (ms) after `now` at which the mere passing of time may change whether the condition is met; Infinity when
 * only something that happens can. So nothing has to be asked again and again.
 */
export function nextChange(condition: Condition, pages: readonly Values[], now: number): number {
  const position = condition.position ?? 'current';
  if (!isPosition(position) || !isLive(position, pages)) return Infinity;
  const page = pages[0] ?? {};
  if (DURATIONS.includes(condition.criterion)) {
    const wanted = coerce('number', condition.value);
    const passed = page[condition.criterion];
    if (typeof wanted !== 'number' || typeof passed !== 'number') return Infinity;
    // >= begins to hold at the first whole second, <= and `is` end with the next one.
    const steps = [Math.ceil(wanted), Math.floor(wanted) + 1].filter((second) => second > passed);
    return steps.length ? now + (Math.min(...steps) - passed) * 1000 : Infinity;
  }
  switch (condition.criterion) {
    case 'time': {
      const minute = coerce('time', condition.value);
      if (typeof minute !== 'number') return Infinity;
      return Math.min(...[minute, minute + 1, 24 * 60].map((at) => nextMinute(now, at)));
    }
    case 'day_of_week':
      return nextMinute(now, 24 * 60);
    default:
      return Infinity;
  }
}

/** The next time that the visitor's clock shows this minute of the day. */
function nextMinute(now: number, minute: number): number {
  const date = new Date(now);
  date.setHours(0, minute, 0, 0);
  if (date.getTime() <= now) date.setHours(24, minute, 0, 0);
  return date.getTime();
}

/** What the clock says, as values. */
export const clockValues = (at: number): Values => {
  const date = new Date(at);
  return { day_of_week: dayOf(date), time: minuteOf(date) };
};
