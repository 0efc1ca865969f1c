// The loader and the manager on a page: what they take from it, and what they leave alone.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { configure, FLOATING, INVITATION, snippet } from '../server.ts';
import { button, come, frame, heard, item, leave, LISTEN, names, open, push, shop, told, trigger, visit, visitor, windowLog } from '../widget.ts';

open();

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
  const page = await come({ triggers: [button('a')] }, { end: snippet(shop.desk) });
  await item(page, FLOATING).waitFor();
  await expect.poll(() => visitor.complaints).toEqual([expect.stringContaining('twice')]);
  expect(await page.locator('.dimelo_chat_item').count()).toBe(1);
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
  const page = await (await visit()).open(shop.site);
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

test.each(['classic', 'universal'])("the page's own analytics is told, if the source wants it: %s", async (kind) => {
  const reporting = `<script>window.reported = []; _gaq = reported; ga = (...all) => reported.push(all);</script>`;
  const page = await come({}, { head: reporting });
  shop.config = await configure({ triggers: [trigger('a', { actions: { show: 'open' } })] });
  shop.analytics = kind;
  await page.reload();
  await frame(page).locator('#engage').click();
  await frame(page).locator('#receive').click();
  const reported = () => page.evaluate(() => (window as unknown as { reported: string[][] }).reported);
  const start = kind === 'classic' ? ['_trackEvent'] : ['send', 'event'];
  const names = ['chat_proposed', 'chat_shown', 'chat_engaged', 'message_sent', 'message_received'];
  await expect.poll(reported).toEqual(names.map((name) => [...start, 'Chat', name, 'Trigger a #a']));
});

test('a window that does not come gives its button back', async () => {
  const page = await come({ triggers: [button('a')] });
  await page.clock.install();
  shop.answer = async (request, response) => {
    if (!request.url!.endsWith('/window')) return false;
    response.writeHead(404).end();
    return true;
  };
  await item(page, FLOATING).getByRole('button').click();
  await page.locator('#dimelo_chat_window').waitFor({ state: 'attached' });
  expect(await item(page, FLOATING).isVisible()).toBe(false);
  await page.clock.fastForward(20_000);
  await item(page, FLOATING).waitFor();
  expect(await page.locator('#dimelo_chat_window').count()).toBe(0);
  expect(visitor.complaints).toContain('Frontdesk: the window did not come.');
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
  await bar.waitFor();
  expect(await bar.getByRole('button').allInnerTexts()).toEqual(['Reload', 'Show store', 'Triggers', 'Reset', 'Stop Debug']);
  await bar.getByRole('button', { name: 'Show store' }).click();
  await page.getByRole('row', { name: 'page_title Shop' }).waitFor();
  await bar.getByRole('button', { name: 'Triggers' }).click();
  await page.getByText('Trigger a — fired on this page').waitFor();
  await page.getByText('Elsewhere — not all conditions are met').waitFor();
  await page.getByText('page path (current) is /elsewhere — /').waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
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
