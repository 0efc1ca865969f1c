import { expect, test } from 'vitest';
import { check, clockValues, nextChange, typeOf } from './conditions.ts';
import { CRITERIA, type Condition, type CustomVariable, type Values } from './types.ts';

const VARIABLES: CustomVariable[] = [
  { name: 'custom_cart_products', type: 'number' },
  { name: 'custom_product', type: 'string' },
  { name: 'custom_member', type: 'boolean' },
];

const met = (condition: Condition, pages: Values[]) => check(condition, pages, VARIABLES).holds;

test('there are the thirteen published criteria, and custom variables', () => {
  expect(Object.keys(CRITERIA)).toHaveLength(13);
  expect(typeOf('page_path', VARIABLES)).toBe('string');
  expect(typeOf('custom_member', VARIABLES)).toBe('boolean');
  expect(typeOf('custom_other', VARIABLES)).toBeUndefined();
  expect(typeOf('toString', VARIABLES)).toBeUndefined();
});

// Each criterion with a page that meets the condition, and one that does not.
const EACH: [Condition, Values, Values][] = [
  [{ criterion: 'chat_opened', operator: 'is', value: true }, { chat_opened: true }, { chat_opened: false }],
  [{ criterion: 'chat_shown', operator: 'is_not_present' }, { chat_shown: false }, { chat_shown: true }],
  [{ criterion: 'day_of_week', operator: 'is', value: 'Monday' }, { day_of_week: 1 }, { day_of_week: 7 }],
  [{ criterion: 'time', operator: 'greater_or_equal', value: '17:45' }, { time: 1065 }, { time: 1064 }],
  [{ criterion: 'identity', operator: 'is_present' }, { identity: true }, { identity: false }],
  [
    { criterion: 'page_path', operator: 'starts_with', value: '/shop/' },
    { page_path: '/shop/product.php?id=58' },
    { page_path: '/about' },
  ],
  [
    { criterion: 'page_url', operator: 'ends_with', value: '#bottom' },
    { page_url: 'https://www.myshop.com/shop/product.php?id=58#bottom' },
    { page_url: 'https://www.myshop.com/' },
  ],
  [
    { criterion: 'page_title', operator: 'contains', value: 'dress' },
    { page_title: 'Pink Dress - My Shop' },
    { page_title: 'My Shop' },
  ],
  [
    { criterion: 'page_visit_count', operator: 'greater_or_equal', value: 2 },
    { page_visit_count: 2 },
    { page_visit_count: 1 },
  ],
  [
    { criterion: 'page_visit_duration', operator: 'greater_or_equal', value: 15 },
    { page_visit_duration: 15 },
    { page_visit_duration: 14.9 },
  ],
  [
    { criterion: 'signed_identity', operator: 'is', value: false },
    { signed_identity: false },
    { signed_identity: true },
  ],
  [{ criterion: 'visit_count', operator: 'is', value: 1 }, { visit_count: 1 }, { visit_count: 2 }],
  [
    { criterion: 'visit_duration', operator: 'lesser_or_equal', value: 45 },
    { visit_duration: 45.9 },
    { visit_duration: 46 },
  ],
  [
    { criterion: 'custom_product', operator: 'is', value: 'shoes, boots' },
    { custom_product: 'Boots' },
    { custom_product: 'Hat' },
  ],
];

test.each(EACH)('%j', (condition, yes, no) => {
  expect(met(condition, [yes])).toBe(true);
  expect(met(condition, [no])).toBe(false);
});

test('published: a visitor leaves a funnel', () => {
  const conditions: Condition[] = [
    { criterion: 'page_url', position: 'previous', operator: 'contains', value: '/my-cart/order/' },
    { criterion: 'page_url', position: 'current', operator: 'does_not_contain', value: '/my-cart/order/' },
  ];
  const inside = { page_url: 'https://shop.example/my-cart/order/2' };
  const outside = { page_url: 'https://shop.example/' };
  expect(conditions.map((condition) => met(condition, [outside, inside]))).toEqual([true, true]);
  expect(conditions.map((condition) => met(condition, [inside, inside]))).toEqual([true, false]);
  expect(conditions.map((condition) => met(condition, [outside, outside, inside]))).toEqual([false, true]);
});

test('published: a visitor clears their cart', () => {
  const conditions: Condition[] = [
    { criterion: 'custom_cart_products', position: 'any', operator: 'greater_or_equal', value: '1' },
    { criterion: 'custom_cart_products', operator: 'is', value: '0' },
  ];
  const cart = (custom_cart_products?: number): Values => ({ custom_cart_products });
  expect(conditions.map((condition) => met(condition, [cart(0), cart(), cart(3)]))).toEqual([true, true]);
  expect(conditions.map((condition) => met(condition, [cart(0), cart(), cart(0)]))).toEqual([false, true]);
});

test('where there is no such page, the value is not defined', () => {
  const pages = [{ page_path: '/a' }];
  expect(met({ criterion: 'page_path', position: 'previous', operator: 'is_not', value: '/a' }, pages)).toBe(true);
  expect(met({ criterion: 'page_path', position: 'previous', operator: 'is_not_present' }, pages)).toBe(true);
  expect(met({ criterion: 'page_path', position: 'any_previous', operator: 'contains', value: 'a' }, pages)).toBe(false);
});

test('what does not exist is never met, and said', () => {
  for (const condition of [
    { criterion: 'custom_gone', operator: 'is_not_present' },
    { criterion: 'page_path', position: 'tomorrow', operator: 'is_present' },
  ]) {
    expect(check(condition, [{ page_path: '/' }], VARIABLES)).toMatchObject({ holds: false, unknown: true });
  }
});

// A Wednesday, ten in the morning.
const now = new Date(2026, 10, 25, 10, 0, 0).getTime();
const clock = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();
const seconds = (count: number) => now + count * 1000;

const CHANGES: [Condition, Values, number][] = [
  [{ criterion: 'page_visit_duration', operator: 'greater_or_equal', value: 15 }, { page_visit_duration: 5 }, seconds(10)],
  [{ criterion: 'page_visit_duration', operator: 'is', value: 15 }, { page_visit_duration: 15 }, seconds(1)],
  [{ criterion: 'visit_duration', operator: 'lesser_or_equal', value: 45 }, { visit_duration: 45 }, seconds(1)],
  [{ criterion: 'visit_duration', operator: 'greater_or_equal', value: 45 }, { visit_duration: 60 }, Infinity],
  [{ criterion: 'visit_duration', operator: 'greater_or_equal', value: 'soon' }, { visit_duration: 60 }, Infinity],
  [{ criterion: 'visit_duration', position: 'previous', operator: 'is', value: 99 }, { visit_duration: 1 }, Infinity],
  [{ criterion: 'time', operator: 'greater_or_equal', value: '20:00' }, {}, clock(25, 20)],
  [{ criterion: 'time', operator: 'lesser_or_equal', value: '09:00' }, {}, clock(26, 0)],
  [{ criterion: 'time', operator: 'is', value: '10:00' }, {}, clock(25, 10, 1)],
  [{ criterion: 'day_of_week', operator: 'is', value: 'Friday' }, {}, clock(26, 0)],
  [{ criterion: 'page_path', operator: 'is', value: '/' }, {}, Infinity],
];

test.each(CHANGES)('%j can change next', (condition, page, moment) => {
  expect(nextChange(condition, [page, {}], now)).toBe(moment);
});

test('until the next change that is told, nothing changes; so nothing is missed by not looking', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % below;
  };
  const pick = <T>(list: readonly T[]) => list[random(list.length)]!;
  const days = ['monday', 'wednesday', 'thursday', 'sunday'];
  for (let round = 0; round < 400; round++) {
    const criterion = pick(['page_visit_duration', 'visit_duration', 'time', 'day_of_week']);
    const operator = pick(['is', 'greater_or_equal', 'lesser_or_equal', 'is_present']);
    const value =
      criterion === 'time' ? `${random(24)}:${pick(['00', '15', '30', '45'])}` : criterion === 'day_of_week' ? pick(days) : random(300) / pick([1, 2]);
    const condition = { criterion, operator, value: String(value) };
    const durations = criterion.endsWith('duration');
    const begun = now + random(86_400_000);
    const page = (at: number): Values => ({
      ...clockValues(at),
      page_visit_duration: (at - begun) / 1000,
      visit_duration: (at - begun) / 1000,
    });
    const start = begun + random(durations ? 200_000 : 1000);
    const is = met(condition, [page(start)]);
    const next = nextChange(condition, [page(start)], start);
    expect(next).toBeGreaterThan(start);
    const step = durations ? 500 : 30_000;
    for (let at = start; at < Math.min(next, start + 600 * step); at += step) {
      expect(met(condition, [page(at)]), `${JSON.stringify(condition)} at +${(at - start) / 1000}`).toBe(is);
    }
  }
});

test('the clock of the visitor counts', () => {
  expect(clockValues(now)).toEqual({ day_of_week: 3, time: 600 });
  expect(clockValues(new Date(2026, 10, 29, 23, 59, 59).getTime())).toEqual({ day_of_week: 7, time: 1439 });
});
