// "Value": whether a value of a type meets what a condition asks for.

import type { Operator, Type, Value } from './types.ts';

/** Spaces at the ends and repeated, case and accents make no difference. */
export const normalise = (text: string): string =>
  text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').trim().replace(/\s+/g, ' ');

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

/** Monday is 1, Sunday 7. */
export const dayOf = (date: Date): number => date.getDay() || 7;

/** Minutes since midnight. */
export const minuteOf = (date: Date): number => date.getHours() * 60 + date.getMinutes();

/** A number as people and pages write it: `58`, `58.5`, `58,50 €`, `1,299.00`, `1 299`. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  let digits = value.replace(/[\s'’\p{Sc}%]/gu, '');
  const comma = digits.lastIndexOf(',');
  // What comes last separates the decimals, except one comma before three digits: that one counts thousands.
  if (comma > digits.lastIndexOf('.') && !/^[-+]?\d{1,3}(,\d{3})+$/.test(digits)) {
    digits = digits.replace(/\./g, '').replace(',', '.');
  } else {
    digits = digits.replace(/,/g, '');
  }
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(digits) ? Number(digits) : undefined;
}

/** A value made to be of its type; not defined when it cannot be. */
export function coerce(type: Type, value: unknown): Value | undefined {
  if (value === undefined || value === null) return undefined;
  switch (type) {
    case 'string':
      return typeof value === 'object' || typeof value === 'function' ? undefined : String(value);
    case 'number':
      return numberOf(value);
    case 'boolean': {
      if (typeof value === 'boolean') return value;
      const word = normalise(String(value));
      if (['true', '1', 'yes', 'on'].includes(word)) return true;
      return ['false', '0', 'no', 'off', ''].includes(word) ? false : undefined;
    }
    case 'day': {
      const day = typeof value === 'number' ? value : DAYS.indexOf(normalise(String(value))) + 1;
      return day >= 1 && day <= 7 ? day : undefined;
    }
    case 'time': {
      if (typeof value === 'number') return value;
      const parts = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(String(value).trim());
      return parts ? Number(parts[1]) * 60 + Number(parts[2]) : undefined;
    }
  }
}

const COMMON: readonly string[] = ['is', 'is_present', 'is_not_present'];
const ORDERED: readonly string[] = [...COMMON, 'greater_or_equal', 'lesser_or_equal'];

/** The operators that a type has. */
export const OPERATORS: Record<Type, readonly string[]> = {
  boolean: COMMON,
  number: ORDERED,
  day: ORDERED,
  time: ORDERED,
  string: [...COMMON, 'is_not', 'contains', 'does_not_contain', 'starts_with', 'ends_with'],
};

/** Whether `value` meets the condition. Negative ones are met by what is not defined; a wrong one is never met. */
export function holds(type: Type, operator: string, value: unknown, wanted: unknown): boolean {
  if (!OPERATORS[type].includes(operator)) return false;
  const found = coerce(type, value);
  if (operator === 'is_present') return isPresent(found);
  if (operator === 'is_not_present') return !isPresent(found);
  if (type === 'string') return stringHolds(operator as Operator, found as string | undefined, String(wanted ?? ''));
  const limit = coerce(type, wanted);
  if (found === undefined || limit === undefined) return false;
  if (operator === 'is') return found === limit;
  return operator === 'greater_or_equal' ? found >= limit : found <= limit;
}

const isPresent = (value: Value | undefined): boolean =>
  value !== undefined && value !== false && normalise(String(value)) !== '';

function stringHolds(operator: Operator, found: string | undefined, wanted: string): boolean {
  const negative = operator === 'is_not' || operator === 'does_not_contain';
  if (found === undefined) return negative;
  const text = normalise(found);
  const parts = wanted.split(',').map(normalise).filter(Boolean);
  const any = (parts.length ? parts : ['']).some((part) => {
    switch (operator) {
      case 'starts_with':
        return text.startsWith(part);
      case 'ends_with':
        return text.endsWith(part);
      case 'contains':
      case 'does_not_contain':
        return text.includes(part);
      default:
        return text === part;
    }
  });
  return any !== negative;
}
