// Setting up, over the real server: when a website offers its chat, the category tree, channels and webhooks that are tried.

import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, open } from './cast.ts';
import { fake } from './fake.ts';

open();

type Page = import('playwright-core').Page;
type Json = Record<string, any>;

let opened: { close: () => unknown }[] = [];
afterEach(() => {
  for (const one of opened) one.close();
  opened = [];
});

/** A program of somebody's; every request to it is kept. */
async function program(answer: (request: IncomingMessage, body: string) => { status?: number; headers?: Record<string, string>; body: string }): Promise<{ url: string; bodies: string[]; ends: () => void }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', () => {
      if (body) bodies.push(body);
      const { status = 200, headers = {}, body: said } = answer(request, body);
      response.writeHead(status, headers).end(said);
    });
  });
  opened.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies, ends: () => (server.close(), server.closeAllConnections()) };
}

/** A desk with a website, whose offers are its own. */
async function website(): Promise<{ desk: Desk; source: Json; path: string }> {
  const desk = await Desk.opens();
  const community = await desk.server.post('/communities', { type: 'mobile_messaging', name: 'Visitors' });
  await desk.server.put(`/communities/${community.id}/signed_identities`, { mode: 'reject' });
  const source = await desk.server.post('/content_sources?extended=true', { type: 'mobile_messaging', name: 'Purple Shop', community_id: community.id, active: true });
  return { desk, source, path: `/content_sources/${source.id}` };
}

const rows = (page: Page) => page.locator('tbody td:first-child').allInnerTexts();

test('a trigger is made, tried on the demo page, and put in order', async () => {
  const { desk, source, path } = await website();
  await desk.server.post(`${path}/triggers`, { label: 'Everywhere', active: false, actions: { show: 'open' } });
  await desk.server.post(`${path}/custom_variables`, { name: 'custom_total', label: 'Total of the basket', type: 'number' });
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/sources/${source.id}` });
  await page.getByRole('navigation', { name: 'When the chat is offered' }).getByRole('link', { name: /^Triggers/ }).click();
  await expect.poll(() => rows(page)).toEqual(['Everywhere']);
  await page.getByRole('button', { name: 'New' }).click();
  await page.getByLabel('Name').fill('A full basket');
  await page.getByRole('button', { name: 'Add a condition' }).click();
  await page.getByLabel('With what').fill('cart');
  await page.getByRole('button', { name: 'Add a condition' }).click();
  await page.getByLabel('What is looked at').last().selectOption({ label: 'Total of the basket' });
  await page.getByLabel('How it is compared').last().selectOption({ label: 'is at least' });
  await page.getByLabel('With what').last().fill('100');
  await page.getByLabel('The window').selectOption({ label: 'Shown and opened' });
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'A full basket' }).waitFor();
  const made = (await desk.server.get(`${path}/triggers`)).records[1];
  expect(made.conditions).toEqual([
    { criterion: 'page_path', position: 'current', operator: 'contains', value: 'cart' },
    { criterion: 'custom_total', position: 'current', operator: 'greater_or_equal', value: 100 },
  ]);
  expect(made.actions).toMatchObject({ show: 'open', button: null, hide_items: false });

  // It does not fire on the page that is shown first, and does on the one with enough in the basket.
  const demo = page.frameLocator('iframe[title="Demo page"]');
  await page.locator('iframe[title="Demo page"]').scrollIntoViewIfNeeded();
  await demo.getByRole('button', { name: 'Triggers' }).click();
  await demo.getByText('not all conditions are met').waitFor();
  await page.getByLabel('Page', { exact: true }).fill('cart?custom_total=120');
  await page.getByRole('button', { name: 'Show' }).click();
  await demo.locator('iframe').waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);

  await page.getByRole('button', { name: 'Set up your Frontdesk' }).click();
  await expect.poll(() => rows(page)).toEqual(['Everywhere', 'A full basket']);
  await page.getByRole('button', { name: 'Move A full basket up' }).click();
  await expect.poll(() => rows(page)).toEqual(['A full basket', 'Everywhere']);
  await expect.poll(async () => (await desk.server.get(`${path}/triggers`)).records.map(({ label }: Json) => label)).toEqual(['A full basket', 'Everywhere']);
  expect(agent.errors).toEqual([]);
});

test.each(['mobile_messaging', 'chat'])('the window of a source (%s) is tried from its page, as a visitor whom nobody knows', async (type) => {
  const desk = await Desk.opens();
  const community = await desk.server.post('/communities', { type: 'mobile_messaging', name: 'Visitors' });
  const source = await desk.server.post('/content_sources', { type, name: 'Our site', community_id: community.id, active: true });
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/sources/${source.id}` });
  const opened = agent.context.waitForEvent('page');
  await page.getByRole('link', { name: 'Open the chat' }).click();
  const chat = await opened;
  await chat.getByRole('textbox').fill('Does it work?');
  await chat.keyboard.press('Enter');
  await expect.poll(async () => (await desk.server.get(`/contents?q=${encodeURIComponent('Does it work')}`)).records.length).toBe(1);
  const content = (await desk.server.get('/contents?q=work')).records[0];
  await desk.server.post('/contents', { in_reply_to_id: content.id, body: 'It does.' });
  await chat.getByRole('log').getByText('It does.').waitFor();
  expect(agent.errors).toEqual([]);
});

test('an item is seen while it is written, safe once it is saved, and a window is set', async () => {
  const { desk, source, path } = await website();
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/sources/${source.id}/catalog_items/new` });
  await page.getByLabel('Kind').selectOption({ label: 'Invitation' });
  await page.getByLabel('Name').fill('Need help?');
  const seen = page.frameLocator('iframe[title="Preview"]');
  await page.getByLabel('HTML').fill('<p class="dimelo_chat_show_when_offline">We are away</p><p class="dimelo_chat_show_when_online">We are here</p><img src="x" onerror="parent.document.title=1">');
  await page.getByLabel('Style sheet (SCSS)').fill('.dimelo_chat_invitation { color: rgb(200, 0, 100); }');
  await seen.getByText('We are here').waitFor();
  expect(await seen.getByText('We are away').isVisible()).toBe(false);
  expect(await seen.getByText('We are here').evaluate((element) => getComputedStyle(element).color)).toBe('rgb(200, 0, 100)');
  await page.getByRole('button', { name: 'away' }).click();
  await seen.getByText('We are away').waitFor();
  expect(await page.title()).not.toBe('1');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Need help?' }).waitFor();
  const item = (await desk.server.get(`${path}/catalog_items`)).records.find(({ label }: Json) => label === 'Need help?');
  expect(item.html).not.toContain('onerror');
  await seen.getByText('We are here').waitFor();

  await page.goto(`${new URL(page.url()).origin}/admin/sources/${source.id}/messaging`);
  await page.getByLabel('Sites that may show the chat').fill('https://shop.example\nhttps://*.purple.example');
  await page.getByLabel('Welcome messages').fill('Good day!');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`${path}/messaging`)).allowed_sites).toEqual(['https://shop.example', 'https://*.purple.example']);
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors.filter((error) => !error.includes('Content Security Policy') && !error.includes('/x'))).toEqual([]);
});

test('categories are a tree: added to, moved by choosing and by hand, with colours', async () => {
  const desk = await Desk.opens();
  const topic = await desk.server.post('/categories', { name: 'Topic', mandatory: true });
  const order = await desk.server.post('/categories', { name: 'Order', parent_id: topic.id });
  await desk.server.post('/categories', { name: 'Late', parent_id: order.id });
  const urgency = await desk.server.post('/categories', { name: 'Urgency' });
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/categories' });
  const tree = page.locator('.tree');
  const all = async () => (await tree.locator('.branch a').allInnerTexts()).join(' ');
  await expect.poll(all).toBe('Topic Order Late Urgency');
  await tree.getByText('asked for when closing').waitFor();
  await tree.getByRole('button', { name: 'Close Order' }).click();
  await expect.poll(all).toBe('Topic Order Urgency');
  await tree.getByRole('button', { name: 'Open Order' }).click();

  await tree.getByRole('button', { name: 'Add below Urgency' }).click();
  await page.getByLabel('Name').fill('Today');
  await page.getByRole('radio', { name: 'Red' }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Today' }).waitFor();
  const today = (await desk.server.get('/categories')).records.find(({ name }: Json) => name === 'Today');
  expect([today.parent_id, today.color]).toEqual([urgency.id, 1]);

  await page.getByRole('navigation').getByRole('link', { name: 'Categories' }).click();
  await tree.getByRole('button', { name: 'Move Late' }).click();
  // Nothing goes below itself, nor where it is.
  await expect.poll(() => page.getByRole('option').allInnerTexts()).toEqual(['To the top', 'Topic', 'Urgency', 'Urgency › Today']);
  await page.getByRole('option', { name: 'Urgency › Today' }).click();
  await expect.poll(all).toBe('Topic Order Urgency Today Late');
  await tree.locator('.branch', { hasText: 'Urgency' }).dragTo(tree.locator('.branch', { hasText: 'Topic' }));
  await expect.poll(async () => (await desk.server.get(`/categories/${urgency.id}`)).parent_id).toBe(topic.id);
  await expect.poll(all).toBe('Topic Order Urgency Today Late');
  // What is searched is a list again.
  await page.getByRole('searchbox', { name: 'Search' }).fill('late');
  await expect.poll(() => rows(page)).toHaveLength(1);
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('a channel of one’s own is set up and tried; a webhook is tried, resent and replayed', async () => {
  const desk = await Desk.opens('--allow-outbound', '127.0.0.0/8');
  const channel = await program((_, body) => {
    const said = JSON.stringify({ objects: { messages: ['create'] }, options: ['messages.text'] });
    return JSON.parse(body).action === 'implementation.info' ? { body: said, headers: { 'X-SMCCSDK-SIGNATURE': createHmac('sha512', secret).update(said).digest('hex') } } : { body: '[]' };
  });
  let secret = '';
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/sources/new' });
  await page.getByRole('radio', { name: /^A channel of your own/ }).check();
  await page.getByLabel('Name', { exact: true }).fill('Guest book');
  await page.getByLabel('The channel’s address').fill(channel.url);
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Guest book' }).waitFor();
  const source = (await desk.server.get('/content_sources')).records.find(({ name }: Json) => name === 'Guest book');
  secret = (await desk.server.get(`/content_sources/${source.id}?extended=true`)).access_token;
  await page.getByRole('button', { name: 'Test' }).click();
  await page.getByText('The channel answered: 0 imported.').waitFor();
  await page.getByRole('region', { name: 'What the channel can do' }).getByText('messages.text').waitFor();
  channel.ends();
  await page.getByRole('button', { name: 'Test' }).click();
  await page.getByText(/The channel did not: /).waitFor();

  const receiver = await program((request) => ({ body: new URL(request.url!, 'http://receiver').searchParams.get('hub.challenge') ?? 'ok' }));
  const hook = await desk.server.post('/webhooks', { url: receiver.url, registered_events: ['content.imported'] });
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await page.goto(`${new URL(page.url()).origin}/admin/webhooks/${hook.id}`);
  await page.getByRole('button', { name: 'Send a test event' }).click();
  const deliveries = page.locator('.deliveries > li');
  await deliveries.filter({ hasText: 'Delivered' }).first().waitFor();
  const told = () => receiver.bodies.length;
  await expect.poll(told).toBeGreaterThanOrEqual(2);
  const before = told();
  await deliveries.first().getByRole('button', { name: 'Send again' }).click();
  await expect.poll(told).toBe(before + 1);
  await page.getByLabel('Since').fill(new Date(Date.now() - 3_600_000).toISOString().slice(0, 16));
  await page.getByRole('button', { name: 'Send it again' }).click();
  await page.getByText('It is being sent again').waitFor();
  await expect.poll(() => receiver.bodies.slice(before + 1).some((body) => body.includes('content.imported'))).toBe(true);
  expect(agent.errors).toEqual([]);
});

test('a webhook whose program refuses shows each attempt; what failed is sent again once it works', async () => {
  const desk = await Desk.opens('--allow-outbound', '127.0.0.0/8');
  let works = true;
  const receiver = await program((request) => ({ status: works ? 200 : 403, body: new URL(request.url!, 'http://receiver').searchParams.get('hub.challenge') ?? (works ? 'ok' : 'not today') }));
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/webhooks/new' });
  await page.getByLabel('Address').fill(receiver.url);
  await page.getByLabel('Name', { exact: true }).fill('CRM');
  await page.getByRole('button', { name: 'Choose Events' }).click();
  await page.getByRole('combobox', { name: 'Events' }).fill('imported');
  await page.getByRole('option', { name: 'content.imported' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'CRM' }).waitFor();
  await page.getByText('Nothing was sent yet.').waitFor();
  const hook = (await desk.server.get('/webhooks?extended=true')).records[0];
  await expect.poll(async () => (await desk.server.get(`/webhooks/${hook.id}`)).webhook_status).toBe('enabled');
  works = false;
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  const deliveries = page.locator('.deliveries > li');
  await deliveries.filter({ hasText: 'Waiting' }).locator('summary').click();
  await deliveries.getByText('403').waitFor();
  await deliveries.getByText('not today').waitFor();
  // Switched off, it gives up what waits.
  await page.getByLabel('Active').uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByLabel('State').selectOption({ label: 'Failed' });
  await expect.poll(() => deliveries.count()).toBe(1);
  await page.getByLabel('State').selectOption({ label: 'Delivered' });
  await page.getByText('Nothing was sent yet.').waitFor();
  works = true;
  await page.getByLabel('Active').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/webhooks/${hook.id}`)).webhook_status).toBe('enabled');
  await page.getByLabel('Since').fill(new Date(Date.now() - 3_600_000).toISOString().slice(0, 16));
  await page.getByLabel('Only what failed').check();
  await page.getByRole('button', { name: 'Send it again' }).click();
  await expect.poll(() => deliveries.count()).toBe(1);
  expect(receiver.bodies.filter((body) => body.includes('Where is my kettle?')).length).toBeGreaterThanOrEqual(2);
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('a Facebook page is connected step by step, and tried', async () => {
  const { url, flags } = await fake(opened, 'facebook');
  const desk = await Desk.opens(...flags);
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/sources/new' });
  await page.getByRole('radio', { name: /^Facebook page/ }).check();
  await page.getByLabel('Name', { exact: true }).fill('Our page');
  await page.getByLabel('Page’s id').fill('100077');
  await page.getByLabel('App’s id').fill('77');
  await page.getByLabel('App’s secret').fill('secret-100077');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Our page' }).waitFor();
  const source = (await desk.server.get('/content_sources')).records.find(({ name }: Json) => name === 'Our page');
  const callback = `${desk.server.url}/channels/facebook/${source.id}`;
  const connection = page.getByRole('region', { name: 'Connection' });
  await connection.getByText(callback).waitFor();
  const steps = () => connection.locator('.steps li').evaluateAll((all) => all.map((one) => one.getAttribute('data-done')));
  await expect.poll(steps).toEqual(['true', 'true', 'false', 'false']);
  await connection.getByRole('button', { name: 'Test' }).click();
  await connection.getByText('Does not work').first().waitFor();

  // The service is told where to call, and lets Frontdesk in.
  const how = { callback: callback.replace('desk.localhost', '127.0.0.1'), secret: 'secret-100077', app_id: '77' };
  await fetch(`${url}/_fake/pages/100077`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(how) });
  await connection.getByRole('button', { name: 'Sign in at the service' }).click();
  const there = new URL((await connection.getByRole('link', { name: 'Open the service' }).getAttribute('href'))!);
  expect(there.hostname).toBe('www.facebook.com');
  await connection.getByText(there.searchParams.get('redirect_uri')!).waitFor();
  await connection.getByLabel(/^State/).fill(there.searchParams.get('state')!);
  await connection.getByLabel(/^Code/).fill('code-100077');
  await connection.getByRole('button', { name: 'Complete' }).click();
  await expect.poll(async () => (await steps())[2]).toBe('true');
  await connection.locator('.findings li').first().waitFor();
  await expect.poll(() => connection.getByText('Does not work').count()).toBe(0);
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('an account of X is let in at X, goes on by itself, and is tried', async () => {
  const { url, flags } = await fake(opened, 'x');
  const desk = await Desk.opens(...flags);
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/sources/new' });
  await page.getByRole('radio', { name: /^X / }).check();
  await page.getByLabel('Name', { exact: true }).fill('Our account');
  await page.getByLabel('Account’s number').fill('7700');
  await page.getByLabel('App’s API secret').fill('consumer-secret');
  await page.getByLabel('OAuth 2.0 client’s id').fill('client');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Our account' }).waitFor();
  const source = (await desk.server.get('/content_sources')).records.find(({ name }: Json) => name === 'Our account');
  const connection = page.getByRole('region', { name: 'Connection' });
  await connection.getByText(`${desk.server.url}/channels/twtr/${source.id}`).waitFor();
  const steps = () => connection.locator('.steps li').evaluateAll((all) => all.map((one) => one.getAttribute('data-done')));
  await expect.poll(steps).toEqual(['true', 'true', 'false', 'false']);

  // Whoever let Frontdesk in is another account, which is said; with its own the trial succeeds.
  for (const account of ['7700', '7701']) {
    const how = { callback: `${desk.server.url.replace('desk.localhost', '127.0.0.1')}/channels/twtr/${source.id}`, secret: 'consumer-secret' };
    await fetch(`${url}/_fake/accounts/${account}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(how) });
  }
  const letsIn = async (account: string) => {
    await connection.getByRole('button', { name: 'Sign in at the service' }).click();
    const link = connection.getByRole('link', { name: 'Open the service' });
    const there = new URL((await link.getAttribute('href'))!);
    expect(there.origin + there.pathname).toBe('https://x.com/i/oauth2/authorize');
    const back = await page.context().newPage();
    const [state, challenge] = ['state', 'code_challenge'].map((name) => there.searchParams.get(name));
    await back.goto(`${desk.server.url}/channels/return?state=${state}&code=code-${account}.${challenge}`);
    await link.waitFor({ state: 'detached' });
    await back.close();
  };
  await letsIn('7701');
  await connection.getByText('The token is of the account 7701').waitFor();
  await expect.poll(async () => (await steps())[2]).toBe('false');
  await page.getByLabel('Account’s number').fill('7701');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/content_sources/${source.id}?extended=true`)).x_user_id).toBe('7701');
  await letsIn('7701');
  await expect.poll(async () => (await steps())[2]).toBe('true');
  await connection.getByText('Works', { exact: true }).nth(1).waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('a trigger that shows a button shows nothing else, and one that does nothing is refused', async () => {
  const { desk, source, path } = await website();
  const { page } = await desk.sits(desk.server.token, { path: `/admin/sources/${source.id}/triggers/new` });
  await page.getByLabel('Name').fill('A button');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('alert').first().waitFor();
  await page.getByLabel('A button', { exact: true }).selectOption({ label: 'Default floating button' });
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'A button' }).waitFor();
  const [made] = (await desk.server.get(`${path}/triggers`)).records;
  expect([made.actions.show, typeof made.actions.button]).toEqual([null, 'string']);
});

test('the steps of a connection are in the language of who reads, and name what stands in the form', async () => {
  const { desk } = await website();
  const community = await desk.server.post('/communities', { type: 'facebook', name: 'Page' });
  const source = await desk.server.post('/content_sources', { type: 'facebook', name: 'Our page', community_id: community.id, facebook_page_id: '7', facebook_app_id: '7', facebook_app_secret: 'secret-7' });
  const { page } = await desk.sits(desk.server.token, { path: `/admin/sources/${source.id}`, locale: 'fr', viewport: { width: 390, height: 844 } });
  const steps = page.locator('.steps li');
  await steps.first().waitFor();
  const said = await steps.allInnerTexts();
  expect(said.length).toBe(4);
  expect(said.join(' ')).toContain('Créez une application de type Business');
  expect(said.join(' ')).not.toMatch(/ the | facebook_/);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});
