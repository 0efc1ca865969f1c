import { expect, test } from 'vitest';
import { PAGES_MAX, pathOf, Store, type Storage, STORED_MAX, TEXT_MAX, VARIABLES_MAX, VISIT_IDLE_MS } from './store.ts';

class Memory implements Storage {
  entries = new Map<string, string>();
  room = Infinity;
  getItem = (key: string) => this.entries.get(key) ?? null;
  removeItem = (key: string) => void this.entries.delete(key);
  setItem(key: string, value: string) {
    if (value.length > this.room) throw new DOMException('full', 'QuotaExceededError');
    this.entries.set(key, value);
  }
}

const clock = { now: Date.UTC(2026, 10, 25, 10) };
let ids = 0;
const tab = (storage: Storage | undefined) => new Store(storage, 'k', () => clock.now, () => `id${ids++}`);
const wait = (seconds: number) => (clock.now += seconds * 1000);

test('a visit with its pages: counts, durations, the page before', () => {
  const memory = new Memory();
  let store = tab(memory);
  store.open('https://shop.example/?a=1#top', 'Home');
  wait(5);
  store.note({ custom_cart: 2 });
  wait(5);
  store.change();
  // The next page loads: another document, the same storage.
  wait(1);
  store = tab(memory);
  store.open('https://shop.example/dresses', 'Dresses');
  wait(4);
  expect(store.values()).toMatchObject([
    {
      page_url: 'https://shop.example/dresses',
      page_path: '/dresses',
      page_title: 'Dresses',
      page_visit_count: 2,
      page_visit_duration: 4,
      visit_count: 1,
      visit_duration: 15,
    },
    {
      page_url: 'https://shop.example/?a=1#top',
      page_path: '/?a=1',
      page_visit_count: 1,
      page_visit_duration: 10,
      visit_duration: 10,
      custom_cart: 2,
    },
  ]);
});

test('a visit ends after a day without a sign, and the chat of it too', () => {
  const memory = new Memory();
  const store = tab(memory);
  store.open('https://shop.example/', 'Home');
  store.change((state) => {
    state.chat.engaged = true;
    state.session = 'secret';
    state.visit.executed.push('a');
    state.visit.stopped_by = 'a';
  });
  clock.now += VISIT_IDLE_MS - 1;
  expect(store.change().visits).toBe(1);
  clock.now += VISIT_IDLE_MS;
  const { visits, visit, chat, session } = store.change();
  expect({ visits, executed: visit.executed, stopped: visit.stopped_by, engaged: chat.engaged, session }).toEqual({
    visits: 2,
    executed: [],
    stopped: null,
    engaged: false,
    session: 'secret',
  });
  // The page that stayed open is the first one of the new visit, and its time counts from now.
  expect(store.values()).toMatchObject([{ page_visit_count: 1, page_visit_duration: 0, visit_duration: 0 }]);
});

test('tabs share the visit, and each has its own current page', () => {
  const memory = new Memory();
  const [one, two] = [tab(memory), tab(memory)];
  one.open('https://shop.example/1', 'One');
  two.open('https://shop.example/2', 'Two');
  one.note({ custom_cart: 1 });
  two.change((state) => state.visit.executed.push('b'));
  expect(one.state.visit.executed).toEqual(['b']);
  expect(two.values()).toMatchObject([
    { page_path: '/2', page_visit_count: 2 },
    { page_path: '/1', custom_cart: 1 },
  ]);
  // What was opened later elsewhere is no page before this one; it counts, though.
  expect(one.values()).toMatchObject([{ page_path: '/1', page_visit_count: 2 }]);
});

test('another tab empties the store: this one goes on', () => {
  const memory = new Memory();
  const [one, two] = [tab(memory), tab(memory)];
  one.open('https://shop.example/1', 'One');
  two.open('https://shop.example/2', 'Two');
  two.reset();
  one.note({ custom_cart: 1 });
  expect(one.values()).toMatchObject([{ page_path: '/1', custom_cart: 1 }]);
  expect(one.state.visits).toBe(1);
});

test('the size is bounded, and the first page stays', () => {
  const memory = new Memory();
  const store = tab(memory);
  for (let page = 1; page <= PAGES_MAX + 50; page++) {
    store.open(`https://shop.example/${page}`, 'x'.repeat(5 * TEXT_MAX));
    store.note(Object.fromEntries(Array.from({ length: VARIABLES_MAX + 9 }, (_, name) => [`custom_${name}`, 'ü'.repeat(50)])));
  }
  expect(memory.getItem('k')!.length).toBeLessThanOrEqual(STORED_MAX);
  const values = store.values();
  expect(values[0]).toMatchObject({ page_path: '/150', page_visit_count: 150 });
  expect(values[1]).toMatchObject({ page_path: '/149' });
  expect(values.at(-1)).toMatchObject({ page_path: '/1' });
  expect(values.length).toBeLessThanOrEqual(PAGES_MAX);
  expect(store.page!.title).toHaveLength(TEXT_MAX);
  expect(Object.keys(store.page!.values)).toHaveLength(VARIABLES_MAX);
});

test('a full storage takes less, or nothing, and the page goes on', () => {
  const memory = new Memory();
  const store = tab(memory);
  for (let page = 1; page <= 20; page++) store.open(`https://shop.example/${page}`, 'Title');
  memory.room = 2000;
  store.open('https://shop.example/21', 'Title');
  expect(memory.getItem('k')!.length).toBeLessThanOrEqual(2000);
  expect(store.values()[0]).toMatchObject({ page_path: '/21', page_visit_count: 21 });
  memory.room = 0;
  store.note({ custom_cart: 7 });
  expect(store.values()[0]).toMatchObject({ page_path: '/21', custom_cart: 7 });
});

test('without storage, memory serves this page', () => {
  const denied: Storage = {
    getItem: () => {
      throw new DOMException('no', 'SecurityError');
    },
    setItem: () => {
      throw new DOMException('no', 'SecurityError');
    },
    removeItem: () => {
      throw new DOMException('no', 'SecurityError');
    },
  };
  for (const storage of [undefined, denied]) {
    const store = tab(storage);
    store.open('https://shop.example/1', 'One');
    store.note({ custom_cart: 7 });
    store.open('https://shop.example/2', 'Two');
    store.change((state) => state.visit.executed.push('a'));
    expect(store.values()).toMatchObject([{ page_path: '/2' }, { page_path: '/1', custom_cart: 7 }]);
    expect(store.state.visit.executed).toEqual(['a']);
    store.reset();
    expect(store.state.visits).toBe(0);
  }
});

test.each([
  '',
  '{',
  'null',
  '[]',
  '{"version":2}',
  '{"version":1,"visits":"many","visit":{}}',
  '{"version":1,"visits":1,"visit":{"id":"x","from":1,"seen":null,"page_count":1}}',
  `{"version":1,"visits":1,"visit":{"id":"x","from":${clock.now},"seen":${clock.now},"page_count":1,"pages":[1,{"id":3},null],"executed":{"a":1}},"chat":[]}`,
  `{"version":1,"visits":1,"visit":{"id":"x","from":1e999,"seen":1e999,"page_count":1,"pages":[],"executed":[1],"stopped_by":null,"messages":[]},"chat":{},"session":null}`,
  'x'.repeat(3 * STORED_MAX),
])('strange contents are replaced: %.60s', (raw) => {
  const memory = new Memory();
  memory.setItem('k', raw);
  const store = tab(memory);
  store.open('https://shop.example/', 'Home');
  expect(store.values()).toHaveLength(1);
  expect(JSON.parse(memory.getItem('k')!).version).toBe(1);
});

test('a clock set back does not make a visit last forever', () => {
  const memory = new Memory();
  const store = tab(memory);
  store.open('https://shop.example/', 'Home');
  clock.now -= 3 * VISIT_IDLE_MS;
  expect(store.change().visits).toBe(2);
  expect(store.values()[0]).toMatchObject({ page_visit_duration: 0, visit_duration: 0 });
});

test.each([
  ['https://www.myshop.com/shop/product.php?id=58#bottom', '/shop/product.php?id=58'],
  ['https://www.myshop.com', '/'],
  ['https://www.myshop.com?x=1', '/?x=1'],
  ['http://localhost:8080/a#/b?c', '/a'],
  ['', '/'],
])('the path of %j is %j', (url, path) => expect(pathOf(url)).toBe(path));
