// Triggers as an administrator makes them, before the real server, in a real browser: every criterion, what a catalogue
// shows, and agents who are there or not.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Frontdesk, Source } from '../frontdesk.ts';
import { field, open, opened, story, writes } from './cast.ts';

open();

const LISTEN = `<script>
  window.told = [];
  ['started', 'trigger_activated', 'trigger_executed', 'item_shown', 'chat_shown', 'chat_closed'].forEach(function (name) {
    _chatq.push(['_onEvent', name, function (data) { told.push(data); }]);
  });
</script>`;

type Told = { event: string; trigger_label?: string; item_label?: string; mode?: string };
const told = (page: Page): Promise<Told[]> => page.evaluate(() => (window as unknown as { told: Told[] }).told);
const executed = async (page: Page) => (await told(page)).filter(({ event }) => event === 'trigger_executed').map((each) => each.trigger_label!);

type Json = Record<string, unknown>;

/** What an administrator does with a source's offers. */
function offers(desk: Frontdesk, source: Source) {
  const path = `/content_sources/${source.id}`;
  return {
    trigger: (label: string, more: Json) => desk.post(`${path}/triggers`, { label, ...more }),
    item: (item: Json) => desk.post(`${path}/catalog_items`, item),
    variable: (name: string, type: string, selector?: string) => desk.post(`${path}/custom_variables`, { name, type, ...(selector && { selector }) }),
    defaults: async () => {
      const { records } = await desk.get(`${path}/catalog_items`);
      const [floating, fixed, invitation] = records as Record<'id' | 'markup', string>[];
      return { floating: floating!, fixed: fixed!, invitation: invitation! };
    },
  };
}

const today = () => ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'][new Date().getDay()]!;

test('every criterion decides, on the page and in the history of the visit', async () => {
  const { desk, source, site, comes } = await story();
  await desk.signs(source, '0123456789abcdef01234567', 'reject');
  const { trigger, variable, defaults } = offers(desk, source);
  await variable('custom_cart', 'number', '#cart');
  await variable('custom_level', 'string');
  await variable('custom_member', 'boolean');
  const { floating } = await defaults();
  // What is asked, of which page, and whether it holds on the second page of the visit.
  const asked: [criterion: string, operator: string, value: string | null, position: string, holds: boolean][] = [
    ['page_path', 'starts_with', '/second?', 'current', true],
    ['page_path', 'is', '/first', 'current', false],
    ['page_path', 'is', '/first', 'previous', true],
    ['page_path', 'is', '/first', 'first', true],
    ['page_path', 'is', '/first', 'any_previous', true],
    ['page_path', 'is', '/third, /first', 'among_previous_5', true],
    ['page_path', 'contains', '/third', 'any', false],
    ['page_url', 'ends_with', '#here', 'current', true],
    ['page_url', 'does_not_contain', 'shop.localhost', 'current', false],
    ['page_title', 'is', ' LA  NAIVETE ', 'current', true],
    ['page_title', 'is_not', 'la naïveté', 'current', false],
    ['page_visit_count', 'is', '2', 'current', true],
    ['page_visit_count', 'greater_or_equal', '3', 'current', false],
    ['page_visit_duration', 'greater_or_equal', '1', 'current', true],
    ['page_visit_duration', 'greater_or_equal', '3600', 'current', false],
    ['visit_count', 'is', '1', 'current', true],
    ['visit_count', 'greater_or_equal', '2', 'current', false],
    ['visit_duration', 'greater_or_equal', '1', 'current', true],
    ['visit_duration', 'greater_or_equal', '7200', 'current', false],
    ['day_of_week', 'is', today(), 'current', true],
    ['day_of_week', 'is_not_present', null, 'current', false],
    ['time', 'greater_or_equal', '00:00', 'current', true],
    ['time', 'is_not_present', null, 'current', false],
    ['identity', 'is', 'true', 'current', true],
    ['identity', 'is_not_present', null, 'current', false],
    ['signed_identity', 'is', 'false', 'current', true],
    ['signed_identity', 'is_present', null, 'current', false],
    ['chat_shown', 'is', 'true', 'current', true],
    ['chat_opened', 'is', 'false', 'current', true],
    ['chat_opened', 'is', 'true', 'current', false],
    ['custom_cart', 'greater_or_equal', '58', 'current', true],
    ['custom_cart', 'is', '0', 'previous', true],
    ['custom_level', 'is', 'or', 'current', true],
    ['custom_level', 'is_present', null, 'previous', false],
    ['custom_member', 'is_present', null, 'current', true],
    ['custom_member', 'is', 'false', 'current', false],
  ];
  const label = ([criterion, operator, value, position]: (typeof asked)[number]) => `${criterion} ${operator} ${value} ${position}`;
  await trigger('shows it', { conditions: [{ criterion: 'page_path', operator: 'starts_with', value: '/second' }], actions: { show: 'minimized' } });
  for (const [criterion, operator, value, position, holds] of asked) {
    const condition = { criterion, operator, position, ...(value !== null && { value }) };
    await trigger(label([criterion, operator, value, position, holds]), { conditions: [condition], actions: { button: floating.id } });
  }
  const who = `<script>_chatq.push(['_setIdentity', { screenname: 'Vera' }]); _chatq.push(['_fillCustomVariable', 'custom_level', 'Or'], ['_fillCustomVariable', 'custom_member', true]);</script>`;
  site.pages['/first'] = { head: LISTEN, body: '<b id="cart">0</b>' };
  site.pages['/second'] = { head: LISTEN + who, title: 'La Naïveté', body: '<b id="cart">58,50 €</b>' };
  const { visitor, page } = await comes({ path: '/first', shown: false });
  await page.locator('.dimelo_chat_item').waitFor();
  await page.goto(`${site.url}/second?id=2#here`);
  const expected = ['shows it', ...asked.filter(([, , , , holds]) => holds).map(label)].sort();
  await expect.poll(async () => [...(await executed(page))].sort()).toEqual(expected);
  // Opened by the visitor, one more.
  await (await opened(page)).getByRole('button', { name: 'Open the chat' }).click();
  await expect.poll(() => executed(page)).toContain('chat_opened is true current');
  expect(visitor.errors).toEqual([]);
  expect(visitor.complaints).toEqual([]);
});

test('an invitation, its message, and what the agent gets of it, in French', async () => {
  const { desk, source, site, alicia, comes } = await story();
  const { trigger, item, defaults } = offers(desk, source);
  const parent = await desk.post('/categories', { name: 'Topic' });
  const category = await desk.post('/categories', { name: 'Cart', parent_id: parent.id });
  const { invitation } = await defaults();
  const message = await item({ type: 'automatic_message', label: 'Help', text: 'Puis-je vous aider ?' });
  const actions = { invitation: invitation.id, message: message.id };
  await trigger('A full cart', { actions, once_per_visit: true, category_ids: [category.id], language: 'fr' });
  site.pages['/'] = { lang: 'fr', head: LISTEN };
  const { page } = await comes({ shown: false });
  await page.getByText('Pouvons-nous vous aider ?').waitFor();
  expect(await page.getByText('Can we help you?').isVisible()).toBe(false);
  expect(await page.getByRole('button', { name: 'Non merci' }).count()).toBe(1);
  await page.getByRole('button', { name: 'Écrire un message' }).click();
  const chat = await opened(page);
  await chat.getByText('Puis-je vous aider ?').waitFor();
  const own = chat.getByRole('textbox', { name: 'Écrivez votre message ici' });
  await own.fill('Oui, merci');
  await own.press('Enter');
  const question = await alicia.finds('Oui, merci');
  const thread = await alicia.ask('GET', `/content_threads/${question.thread_id}`);
  const { trigger_name, trigger_message } = thread.extra_data;
  // What they were asked, too, or "yes" would say nothing.
  expect([trigger_name, trigger_message, thread.thread_category_ids, question.language]).toEqual(['A full cart', 'Puis-je vous aider ?', [category.id], 'fr']);
  const answer = await alicia.answers(question, 'Bonjour');
  expect((await alicia.ask('GET', `/contents/${answer.id}`)).language).toBe('fr');
  await chat.getByText('Bonjour').waitFor();
  await page.reload();
  await (await opened(page)).getByText('Bonjour').waitFor();
  expect(await page.locator('.dimelo_chat_item').count()).toBe(0);
});

test('a button in its place, others out of the way, and none after the one that stops them', async () => {
  const { desk, source, site, comes } = await story();
  const { trigger, defaults } = offers(desk, source);
  const { floating, fixed, invitation } = await defaults();
  const on = (path: string) => [{ criterion: 'page_path', operator: 'is', value: path }];
  await trigger('floating', { actions: { button: floating.id } });
  await trigger('fixed', { conditions: on('/place'), actions: { button: fixed.id, hide_items: true }, stops_others: true });
  await trigger('never', { conditions: on('/place'), actions: { invitation: invitation.id } });
  site.pages['/'] = { head: LISTEN };
  site.pages['/place'] = { head: LISTEN, body: `<p>Any questions?</p>${fixed.markup}` };
  const { page } = await comes({ shown: false });
  await page.getByRole('button', { name: 'Chat with us' }).waitFor();
  await page.goto(`${site.url}/place`);
  await page.locator('main .dimelo_chat_item').getByRole('button', { name: 'Chat with us' }).waitFor();
  expect(await page.locator('.dimelo_chat_item').count()).toBe(1);
  expect(await executed(page)).toEqual(['floating', 'fixed']);
  await page.goto(site.url);
  await expect.poll(async () => (await told(page)).map(({ event }) => event)).toEqual(['started']);
});

test('Live Chat: a button says that nobody is there, until somebody is; the chat begins and ends', async () => {
  const { desk, source, site, alicia, comes } = await story({ type: 'chat' });
  const { trigger, defaults } = offers(desk, source);
  await trigger('Talk', { only_if_available: true, actions: { button: (await defaults()).floating.id } });
  await desk.post('/channels', { name: 'Live', source_ids: [source.id], soft_capability: 2, hard_capability: 2 });
  site.pages['/'] = { head: LISTEN };
  const { visitor, page } = await comes({ shown: false });
  await page.getByText('We are away').waitFor();
  // Browsers keep an answer for five seconds; with routes they keep none.
  await visitor.context.route('**/availability?*', (route) => route.continue());
  expect(await page.getByText('Chat with us').isVisible()).toBe(false);
  expect((await told(page)).filter(({ event }) => event === 'trigger_executed').map(({ mode }) => mode)).toEqual(['offline']);
  await alicia.ask('POST', '/status/me/connect', {});
  await page.evaluate(() => void (window as unknown as { _chatq: unknown[] })._chatq.push(['_pageChange']));
  await page.getByRole('button', { name: 'Chat with us' }).click();
  const chat = await opened(page);
  await writes(chat, 'Hello');
  await alicia.finds('Hello');
  await field(chat).waitFor();
});
