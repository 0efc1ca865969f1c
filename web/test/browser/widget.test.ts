// The loader and the manager on real pages, in a real browser.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Config } from '../../widget/protocol.ts';
import { EVENTS } from '../../widget/manager/events.ts';
import type { Trigger } from '../../widget/targeting/types.ts';
import { launch, Visitor } from '../browser.ts';
import { configure, FIXED, FLOATING, INVITATION, Shop, SNIPPET, TOKEN } from '../server.ts';

let browser: Browser;
let visitor: Visitor;
const shop = new Shop();

beforeAll(async () => {
  await shop.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  shop.stop();
});
afterEach(() => visitor?.leave());

/** Notes every event, before or after the loader has come. */
const LISTEN = `<script>
  var _chatq = _chatq || []; window.told = [];
  ${JSON.stringify(EVENTS)}.forEach(function (name) {
    _chatq.push(['_onEvent', name, function (data) { told.push(data); }]);
  });
</script>`;

const trigger = (id: string, more: Partial<Trigger> = {}): Trigger => ({ id, label: `Trigger ${id}`, ...more });
const button = (id: string, more: Partial<Trigger> = {}) => trigger(id, { actions: { button: FLOATING }, ...more });

async function come(config: Partial<Config>, page: Parameters<Shop['pages']['set']>[1] = {}): Promise<Page> {
  shop.reset(await configure(config));
  shop.pages.set('/', { head: LISTEN, ...page });
  shop.pages.set('/other', { head: LISTEN, ...page, title: 'Other' });
  visitor = await Visitor.come(browser);
  return visitor.open(shop.site);
}

type Told = Record<string, unknown> & { event: string };
const told = (page: Page) => page.evaluate(() => (window as unknown as { told: Told[] }).told);
const names = async (page: Page) => (await told(page)).map(({ event }) => event);
const heard = (page: Page, event: string) =>
  page.waitForFunction((name) => (window as unknown as { told: Told[] }).told.some((each) => each.event === name), event);
const push = (page: Page, ...command: unknown[]) =>
  page.evaluate((command) => void (window as unknown as { _chatq: unknown[] })._chatq.push(command), command);
const item = (page: Page, id: string) => page.locator(`#dimelo_chat_item_${id}`);
const frame = (page: Page) => page.frameLocator('#dimelo_chat_window');
const decided = (page: Page) =>
  page.evaluate(() => {
    const done = new Promise((resolve) => addEventListener('frontdesk:decided', resolve, { once: true }));
    dispatchEvent(new Event('hashchange'));
    return done.then(() => {});
  });
/** A click that takes away what is clicked. */
const leave = (page: Page) => frame(page).locator('#close').evaluate((button) => void setTimeout(() => (button as HTMLElement).click()));
/** Lines of what the window of the tests was told. */
const windowLog = async (page: Page) =>
  (await frame(page).locator('#log').innerText()).split('\n').filter(Boolean).map((line) => JSON.parse(line));

test('a source that is off leaves the page alone', async () => {
  const page = await come({ active: false, triggers: [button('a')] });
  await page.waitForLoadState('networkidle');
  expect(await page.evaluate(() => 'Dimelo' in window)).toBe(false);
  expect(await names(page)).toEqual([]);
  expect(shop.asked).toEqual(['GET loader.js']);
  expect(visitor.complaints).toEqual([]);
});

test('it asks nobody but its own server, and nothing but what it needs', async () => {
  const page = await come({ triggers: [button('a')] });
  await item(page, FLOATING).waitFor();
  await page.waitForLoadState('networkidle');
  expect(shop.asked.map((line) => line.replace(/-[0-9a-f]{12}/, ''))).toEqual(['GET loader.js', 'GET /assets/manager.js']);
  const others = visitor.requests.filter((url) => !url.startsWith(shop.site) && !url.startsWith(shop.desk) && !url.startsWith('data:'));
  expect(others).toEqual([]);
  expect(visitor.errors.concat(visitor.complaints)).toEqual([]);
});

test('a button leads to the chat: events with their data, in order', async () => {
  const page = await come({ triggers: [button('abc', { label: 'Home Button', language: 'fr' })] });
  await item(page, FLOATING).getByText('Chat with us').click();
  await heard(page, 'chat_shown');
  await frame(page).locator('#engage').click();
  await frame(page).locator('#receive').click();
  await heard(page, 'message_received');
  const trigger = {
    trigger_id: 'abc',
    trigger_label: 'Home Button',
    trigger_human_id: 'Home Button #abc',
    trigger_continuation: false,
  };
  const shown = {
    item_id: FLOATING,
    item_label: 'Default floating button',
    item_human_id: `Default floating button #${FLOATING}`,
    item_type: 'button',
  };
  expect(await told(page)).toEqual([
    { event: 'started' },
    { event: 'trigger_activated', mode: 'online', ...trigger },
    { event: 'trigger_executed', mode: 'online', ...trigger },
    { event: 'button_shown', mode: 'online', ...trigger, ...shown },
    { event: 'item_shown', mode: 'online', ...trigger, ...shown },
    { event: 'chat_shown', ...trigger },
    { event: 'chat_engaged', ...trigger },
    { event: 'message_sent', ...trigger },
    { event: 'message_received', ...trigger },
  ]);
  expect((await windowLog(page))[0]).toMatchObject({ type: 'start', trigger_id: 'abc', locale: 'fr', opened: true, engaged: false });
  // What floats makes room for the window.
  await expect.poll(() => item(page, FLOATING).isVisible()).toBe(false);
});

test('commands wait in the queue, and are taken at once later', async () => {
  const head = `${LISTEN}<script>
    _chatq.push(['_setIdentity', { firstname: 'Vera', uuid: 12, password: 'x', extra_values: { vip: true } }],
      ['_fillCustomVariable', 'custom_cart_amount', '58,50 €']);
  </script>`;
  const variables = [{ name: 'custom_cart_amount', type: 'number' as const }];
  const page = await come({ variables, triggers: [trigger('a', { actions: { show: 'minimized' } })] }, { head });
  await heard(page, 'chat_shown');
  expect((await windowLog(page))[0]).toMatchObject({
    identity: { firstname: 'Vera', uuid: '12', extra_values: { vip: true } },
    custom: { custom_cart_amount: 58.5 },
    opened: false,
  });
  await push(page, '_addMessage', { body: 'Hello', agent: true });
  await push(page, '_fillCustomVariable', 'custom_cart_amount', 60);
  await push(page, '_addTranslations', { en: { you: 'Me' } });
  await push(page, '_setSignedIdentity', 'a.b.c');
  await expect.poll(async () => (await windowLog(page)).slice(1)).toMatchObject([
    { type: 'add_message', body: 'Hello', agent: true, engage: false },
    { type: 'page', custom: { custom_cart_amount: 60 } },
    { type: 'translations', translations: { en: { you: 'Me' } } },
    { type: 'identity', identity: null, jwt: 'a.b.c' },
    { type: 'page', custom: { custom_cart_amount: 60 } },
  ]);
});

test('bad commands and failing handlers are said in the console, and break nothing', async () => {
  const head = `${LISTEN}<script>
    _chatq.push(['_setIdentity', 'Vera'], 'nonsense', null, ['_unknown'], ['constructor'], [{}], ['_setSignedIdentity', 12],
      ['_fillCustomVariable', 'cart', 1], ['_onEvent', 'chat_show', function () {}], ['_onEvent', 'started'],
      ['_setConfiguration', { embedded: true }], ['_addTranslations', []], ['_addMessage'], ['_addMessage', { body: 'x' }],
      ['_onEvent', 'started', function () { throw new Error('mine'); }]);
  </script>`;
  const page = await come({ triggers: [button('a')] }, { head });
  await item(page, FLOATING).waitFor();
  expect(await names(page)).toContain('button_shown');
  // Each of the fifteen, and nothing else.
  expect(visitor.complaints.filter((text) => text.startsWith('Frontdesk:'))).toHaveLength(15);
  expect(visitor.complaints).toHaveLength(15);
  expect(visitor.errors).toEqual([]);
});

test('the snippet twice on a page counts once', async () => {
  const page = await come({ triggers: [button('a')] }, { end: SNIPPET(shop.desk) });
  await item(page, FLOATING).waitFor();
  await expect.poll(() => visitor.complaints).toEqual([expect.stringContaining('twice')]);
  expect(await page.locator('.dimelo_chat_item').count()).toBe(1);
});

test('history decides over real pages: leaving a funnel', async () => {
  const conditions = [
    { criterion: 'page_path', position: 'previous', operator: 'starts_with', value: '/cart' },
    { criterion: 'page_path', operator: 'is_not', value: '/cart, /thanks' },
  ];
  const page = await come({ triggers: [button('a', { conditions })] });
  for (const path of ['/cart', '/thanks']) shop.pages.set(path, { head: LISTEN });
  const went = async (path: string) => {
    await page.goto(shop.site + path);
    await heard(page, 'started');
    return (await names(page)).includes('button_shown');
  };
  expect(await went('/other')).toBe(false);
  expect(await went('/cart')).toBe(false);
  expect(await went('/thanks')).toBe(false);
  expect(await went('/cart')).toBe(false);
  expect(await went('/')).toBe(true);
});

test('time makes a trigger fire, without anybody asking again and again', async () => {
  const conditions = [{ criterion: 'page_visit_duration', operator: 'greater_or_equal', value: 1 }];
  const page = await come({ triggers: [button('a', { conditions })] });
  await heard(page, 'started');
  expect(await page.evaluate(() => document.querySelectorAll('.dimelo_chat_item').length)).toBe(0);
  await item(page, FLOATING).waitFor();
});

test('variables are found in the page while it changes', async () => {
  const variables = [{ name: 'custom_phone', type: 'string' as const, selector: '#phone' }];
  const conditions = [{ criterion: 'custom_phone', operator: 'is_present' }];
  const page = await come({ variables, triggers: [button('a', { conditions })] });
  await heard(page, 'started');
  await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<input id="phone"><input type="password" id="secret">'));
  await decided(page);
  expect(await item(page, FLOATING).count()).toBe(0);
  await page.locator('#phone').fill('0623');
  await item(page, FLOATING).waitFor();
});

test('a fixed button is where the page has its place, and a trigger without it waits', async () => {
  const actions = { button: FIXED };
  const page = await come({ triggers: [trigger('a', { actions })] });
  await heard(page, 'trigger_activated');
  expect(await names(page)).not.toContain('trigger_executed');
  await page.evaluate((id) => {
    document.querySelector('main')!.innerHTML = `<div id="dimelo_chat_item_markup_${id}" class="dimelo_chat_item_markup"></div>`;
  }, FIXED);
  await page.locator('main .dimelo_chat_item').waitFor();
  expect(await names(page)).toEqual(['started', 'trigger_activated', 'trigger_executed', 'button_shown', 'item_shown']);
  await page.locator('main .dimelo_chat_item button').press('Enter');
  await heard(page, 'chat_shown');
  // It keeps its place beside the window.
  expect(await page.locator('main .dimelo_chat_item').isVisible()).toBe(true);
});

test('an invitation is dismissed, and comes once per visit', async () => {
  const page = await come({ triggers: [trigger('a', { actions: { invitation: INVITATION }, once_per_visit: true })] });
  await page.getByRole('region', { name: 'Default invitation' }).waitFor();
  await page.getByRole('button', { name: 'No, thank you' }).click();
  expect(await page.locator('.dimelo_chat_item').count()).toBe(0);
  expect(await page.locator('#dimelo_chat_window').count()).toBe(0);
  await page.reload();
  await heard(page, 'started');
  expect(await names(page)).toEqual(['started']);
});

test('an invitation leads to the chat, with its automatic message, once', async () => {
  const actions = { invitation: INVITATION, message: 'May I help?' };
  const page = await come({ triggers: [trigger('a', { actions })] });
  await page.getByRole('button', { name: 'Start a conversation' }).click();
  await heard(page, 'chat_shown');
  await expect.poll(async () => (await windowLog(page)).map(({ body }) => body).filter(Boolean)).toEqual(['May I help?']);
  await page.reload();
  await page.getByRole('button', { name: 'Start a conversation' }).click();
  await heard(page, 'chat_shown');
  await page.waitForTimeout(200);
  expect((await windowLog(page)).map(({ body }) => body).filter(Boolean)).toEqual([]);
});

test('items: the whole is clickable without an action; a trigger may hide what others show', async () => {
  const html = '<b>Talk to us</b><i class="dimelo_chat_show_when_offline">away</i>';
  const items = [{ id: 'plain', label: 'Plain', type: 'button' as const, position: 'floating' as const, html }];
  const late = [{ criterion: 'custom_now', operator: 'is', value: 'yes' }];
  const variables = [{ name: 'custom_now', type: 'string' as const }];
  const triggers = [
    trigger('a', { actions: { button: 'plain' } }),
    trigger('b', { conditions: late, actions: { hide_items: true, show: 'minimized' } }),
  ];
  const page = await come({ items, triggers, variables });
  const whole = page.getByRole('button', { name: 'Talk to us' });
  expect(await whole.getAttribute('class')).toContain('dimelo_chat_mode_online');
  expect(await whole.getByText('away').isVisible()).toBe(false);
  await push(page, '_fillCustomVariable', 'custom_now', 'yes');
  await expect.poll(() => page.locator('.dimelo_chat_item').count()).toBe(0);
  await heard(page, 'chat_shown');
});

test('agents are asked for; Live Chat shows its items offline, and online when somebody comes', async () => {
  const triggers = [button('a', { only_if_available: true }), trigger('b', { only_if_available: true, actions: { show: 'open' } })];
  const page = await come({ mode: 'chat', triggers });
  await heard(page, 'chat_shown');
  // So far everybody is available; now nobody is.
  let available = 0;
  shop.availability = () => ({ triggers: { a: available }, retry_after: 1 });
  await page.goto(`${shop.site}/other`);
  await page.locator('.dimelo_chat_mode_offline').waitFor();
  expect(await page.getByText('We are away').isVisible()).toBe(true);
  expect(await page.getByText('Chat with us').isVisible()).toBe(false);
  await page.getByText('We are away').click();
  expect(await page.locator('#dimelo_chat_window').count()).toBe(0);
  expect((await told(page)).filter(({ event }) => event === 'trigger_executed')).toMatchObject([{ trigger_id: 'a', mode: 'offline' }]);
  available = 1;
  await page.locator('.dimelo_chat_mode_online').waitFor({ timeout: 20_000 });
  expect((await told(page)).filter(({ event }) => event === 'trigger_executed').map(({ mode }) => mode)).toEqual(['offline', 'online']);
  expect(shop.asked.filter((line) => line.includes('availability'))[0]).toBe('GET availability?trigger_ids=a%2Cb');
});

test('a trigger that stops the others stops them after a reload too', async () => {
  const triggers = [button('a', { stops_others: true }), trigger('b', { actions: { invitation: INVITATION } })];
  const page = await come({ triggers });
  await item(page, FLOATING).waitFor();
  await page.goto(`${shop.site}/other`);
  await item(page, FLOATING).waitFor();
  expect(await item(page, INVITATION).count()).toBe(0);
});

test('the visitor who has written is continued on the next page, as the window was', async () => {
  const page = await come({ triggers: [button('a')] });
  await item(page, FLOATING).getByRole('button').click();
  await frame(page).locator('#engage').click();
  await heard(page, 'chat_engaged');
  await page.goto(`${shop.site}/other`);
  await heard(page, 'chat_shown');
  expect(await names(page)).toEqual(['started', 'trigger_activated', 'trigger_executed', 'chat_shown']);
  expect((await told(page)).at(-1)).toEqual({
    event: 'chat_shown',
    trigger_id: null,
    trigger_label: 'Continuation',
    trigger_human_id: 'Continuation',
    trigger_continuation: true,
  });
  expect((await windowLog(page))[0]).toMatchObject({ opened: true, engaged: true, session: 'anonymous' });
  await frame(page).locator('#minimise').click();
  await page.goto(shop.site);
  await heard(page, 'chat_shown');
  expect((await windowLog(page))[0]).toMatchObject({ opened: false, engaged: true });
  await leave(page);
  await heard(page, 'chat_closed');
  await item(page, FLOATING).waitFor();
});

test('a conversation with a signed person goes on only when the page says again who it is', async () => {
  const jwt = `e30.${btoa(JSON.stringify({ uuid: 'vera' }))}.c2ln`;
  const signed = `<script>if (!location.hash) _chatq.push(['_setSignedIdentity', '${jwt}']);</script>`;
  const page = await come({ triggers: [trigger('a', { actions: { show: 'open' } })] }, { end: signed });
  await heard(page, 'chat_shown');
  await frame(page).locator('#engage').click();
  await heard(page, 'chat_engaged');
  await page.goto(`${shop.site}/other`);
  await heard(page, 'chat_shown');
  expect((await windowLog(page))[0]).toMatchObject({ engaged: true, jwt, session: null });
  await page.goto(`${shop.site}/#signed-out`);
  await heard(page, 'chat_shown');
  expect((await windowLog(page))[0]).toMatchObject({ engaged: false, jwt: null, session: null });
});

test('an open conversation opens the chat, until the visitor puts it away', async () => {
  const page = await come({ triggers: [button('a')] });
  await page.evaluate((key) => {
    const state = JSON.parse(localStorage.getItem(key)!);
    localStorage.setItem(key, JSON.stringify({ ...state, session: 'known' }));
  }, `frontdesk.${TOKEN}`);
  shop.openThreads = (body) => ({ open_threads: JSON.parse(body).session === 'known' ? 2 : 0 });
  await page.reload();
  await heard(page, 'chat_shown');
  expect((await told(page)).at(-1)).toMatchObject({ trigger_label: 'Messaging', trigger_continuation: true });
  expect((await windowLog(page))[0]).toMatchObject({ opened: true });
  await frame(page).locator('#minimise').click();
  await page.evaluate((key) => {
    const state = JSON.parse(localStorage.getItem(key)!);
    localStorage.setItem(key, JSON.stringify({ ...state, session: 'known' }));
  }, `frontdesk.${TOKEN}`);
  await page.reload();
  await heard(page, 'chat_shown');
  expect((await windowLog(page))[0]).toMatchObject({ opened: false });
});

test('embedded: in its element at once, without triggers', async () => {
  const body = '<main id="place" style="width:600px;height:400px"></main>';
  const end = `<script>_chatq.push(['_setConfiguration', { 'embedded': true, 'parentNodeId': 'place' }]);</script>`;
  const page = await come({ triggers: [button('a')] }, { body, end });
  await page.locator('#place iframe.ready').waitFor();
  expect(await page.locator('#place iframe').boundingBox()).toMatchObject({ width: 600, height: 400 });
  expect((await windowLog(page))[0]).toMatchObject({ embedded: true, opened: true });
  expect(await page.locator('.dimelo_chat_item').count()).toBe(0);
  expect((await told(page)).at(-1)).toMatchObject({ event: 'chat_shown', trigger_label: 'Embedded', trigger_id: null });
});

test('a page change in an application arms the triggers again, and what is shown stays', async () => {
  const conditions = [{ criterion: 'page_path', operator: 'is', value: '/next' }];
  const page = await come({ triggers: [button('a', { only_if_available: true }), trigger('b', { conditions, actions: { invitation: INVITATION } })] });
  await item(page, FLOATING).waitFor();
  await page.evaluate(() => history.pushState({}, '', '/next'));
  await decided(page);
  expect(await item(page, INVITATION).count()).toBe(0);
  await push(page, '_pageChange');
  await item(page, INVITATION).waitFor();
  expect(await item(page, FLOATING).count()).toBe(1);
  await expect.poll(() => shop.asked.filter((line) => line.includes('availability'))).toHaveLength(2);
  await expect.poll(async () => (await told(page)).filter(({ event }) => event === 'trigger_executed').map((each) => each.trigger_id)).toEqual(['a', 'b', 'a']);
  expect((await names(page)).filter((name) => name === 'button_shown')).toHaveLength(1);
});

test('two tabs are in step: who engages in one is not offered anything in the other', async () => {
  const page = await come({ triggers: [button('a')] });
  await item(page, FLOATING).waitFor();
  const second = await visitor.open(`${shop.site}/other`);
  await item(second, FLOATING).getByRole('button').click();
  await heard(second, 'chat_shown');
  expect(await page.locator('#dimelo_chat_window').count()).toBe(0);
  await frame(second).locator('#engage').click();
  await heard(second, 'chat_engaged');
  await heard(page, 'chat_shown');
  expect((await told(page)).at(-1)).toMatchObject({ trigger_label: 'Continuation' });
  await expect.poll(() => item(page, FLOATING).isVisible()).toBe(false);
  // And who leaves in one has left in the other.
  await leave(second);
  await heard(page, 'chat_closed');
  expect(await page.locator('#dimelo_chat_window').count()).toBe(0);
});

test('a strict policy of the page is kept', async () => {
  shop.reset(await configure({ triggers: [button('a')] }));
  shop.policy = `default-src 'none'; script-src ${shop.desk}; connect-src ${shop.desk}; frame-src ${shop.desk}; img-src data:`;
  visitor = await Visitor.come(browser);
  const page = await visitor.open(shop.site);
  const pressed = item(page, FLOATING).getByRole('button');
  await pressed.waitFor();
  expect(await pressed.evaluate((element) => getComputedStyle(element).backgroundColor)).toBe('rgb(83, 204, 164)');
  await pressed.click();
  await page.locator('#dimelo_chat_window.ready').waitFor();
  expect(visitor.complaints.filter((text) => !text.includes('desk.localhost') || text.includes('loader'))).toEqual([]);
});

test('blocked storage and no server: the page goes on', async () => {
  const head = `<script>Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });</script>${LISTEN}`;
  const page = await come({ mode: 'chat', triggers: [button('a', { only_if_available: true }), trigger('b', { actions: { invitation: INVITATION } })] }, { head });
  await item(page, INVITATION).waitFor();
  await item(page, FLOATING).waitFor();
  shop.answer = async (request, response) => {
    if (!request.url!.includes('availability')) return false;
    response.writeHead(500).end();
    return true;
  };
  await page.reload();
  await item(page, INVITATION).waitFor();
  await page.locator('.dimelo_chat_mode_offline').waitFor();
  expect(visitor.errors).toEqual([]);
});

test('the page does not move', async () => {
  const body = '<main><h1>Shop</h1><p>Text</p></main><footer>End</footer>';
  const page = await come({ triggers: [button('a'), trigger('b', { actions: { invitation: INVITATION } })] }, { body });
  await page.evaluate(() => {
    const shifts: number[] = ((window as unknown as { shifts: number[] }).shifts = []);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value);
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const footer = await page.locator('footer').boundingBox();
  await item(page, INVITATION).getByText('Start a conversation').click();
  await page.locator('#dimelo_chat_window.ready').waitFor();
  expect(await page.locator('footer').boundingBox()).toEqual(footer);
  expect(await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts)).toEqual([]);
});

test('another page in the frame, or a stranger, is not listened to', async () => {
  const page = await come({ triggers: [trigger('a', { actions: { show: 'open' } })] });
  await heard(page, 'chat_shown');
  await page.evaluate(() => {
    window.postMessage('frontdesk:hello', '*');
    const stranger = document.createElement('iframe');
    stranger.srcdoc = `<script>parent.postMessage('frontdesk:hello','*');onmessage=()=>parent.postMessage('got it','*')</script>`;
    (window as unknown as { got: unknown[] }).got = [];
    addEventListener('message', ({ data }) => (window as unknown as { got: unknown[] }).got.push(data));
    document.body.append(stranger);
    return new Promise((resolve) => (stranger.onload = () => setTimeout(resolve, 100)));
  });
  expect(await page.evaluate(() => (window as unknown as { got: unknown[] }).got)).toEqual(['frontdesk:hello', 'frontdesk:hello']);
});

test('the debug toolbar shows values, and why triggers did or did not fire', async () => {
  const conditions = [{ criterion: 'page_path', operator: 'is', value: '/elsewhere' }];
  const page = await come({ triggers: [button('a'), trigger('b', { label: 'Elsewhere', conditions })] });
  await item(page, FLOATING).waitFor();
  await page.evaluate(() => (window as unknown as { Dimelo: { Messaging: { Debug: { start(): void } } } }).Dimelo.Messaging.Debug.start());
  const bar = page.getByRole('toolbar', { name: 'Messaging debug' });
  expect(await bar.getByRole('button').allInnerTexts()).toEqual(['Reload', 'Show store', 'Triggers', 'Reset', 'Stop Debug']);
  await bar.getByRole('button', { name: 'Show store' }).click();
  await page.getByRole('row', { name: 'page_title Shop' }).waitFor();
  await bar.getByRole('button', { name: 'Triggers' }).click();
  await page.getByText('Trigger a — fired on this page').waitFor();
  await page.getByText('Elsewhere — not all conditions are met').waitFor();
  await page.getByText('page path (current) is /elsewhere — /').waitFor();
  // It stays over pages, begins anew, and goes.
  await bar.getByRole('button', { name: 'Reload' }).click();
  await heard(page, 'started');
  await bar.getByRole('button', { name: 'Show store' }).click();
  await page.getByRole('row', { name: 'page_visit_count 2 1' }).waitFor();
  await bar.getByRole('button', { name: 'Reset' }).click();
  await page.getByRole('row', { name: /^page_visit_count 1$/ }).waitFor();
  await bar.getByRole('button', { name: 'Stop Debug' }).click();
  await page.reload();
  await heard(page, 'started');
  expect(await bar.count()).toBe(0);
});
