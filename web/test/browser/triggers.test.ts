// Triggers on real pages: history, time, agents, items, and what is executed.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { FIXED, FLOATING, INVITATION, TOKEN } from '../server.ts';
import { button, come, decided, frame, heard, item, leave, LISTEN, names, open, push, shop, told, trigger, windowLog } from '../widget.ts';

open();

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

test('axe finds nothing in buttons and invitations, in either light, with and without agents', async () => {
  const actions = { button: FLOATING, invitation: INVITATION };
  const page = await come({ mode: 'chat', triggers: [trigger('a', { actions, only_if_available: true })] });
  await item(page, INVITATION).waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await violations(page.mainFrame())).toEqual([]);
  }
  shop.availability = () => ({ triggers: {} });
  await page.reload();
  await page.locator('.dimelo_chat_mode_offline').waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
});
