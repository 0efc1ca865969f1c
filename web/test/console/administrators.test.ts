// What administrators set up of people and of order, over the real server.

import { afterEach, expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, open } from './cast.ts';
import { post } from './post.ts';

open();

type Json = Record<string, any>;

let opened: { close: () => unknown }[] = [];
afterEach(() => {
  for (const one of opened) one.close();
  opened = [];
});

test('a colleague gets a password at once, rights on all sources, and a share of their answers is looked at', async () => {
  const desk = await Desk.opens();
  const second = await desk.server.post('/content_sources', { type: 'sdk', name: 'Guest book', community_id: desk.source.community_id, active: true });
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/users/new' });
  await page.getByLabel('E-mail').fill('nora@desk.example');
  await page.getByLabel('First name').fill('Nora');
  await page.getByLabel('Last name').fill('New');
  await page.getByLabel('Role', { exact: true }).selectOption({ label: 'Agent' });
  await page.getByLabel('Password', { exact: true }).fill('a long and good one 7!');
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByRole('heading', { name: 'Nora New' }).waitFor();
  const nora = (await desk.server.get('/users?email=nora@desk.example')).records[0];
  expect(nora.invitation_pending).toBe(false);
  const rights = page.getByRole('region', { name: 'What they may on each source' });
  const held = () => desk.server.get(`/users/${nora.id}/sources_permissions`);
  await rights.getByRole('checkbox', { name: 'All of these: Answer' }).check();
  await expect.poll(held).toEqual({ [desk.source.id]: ['read', 'reply'], [second.id]: ['read', 'reply'] });
  await rights.getByRole('combobox', { name: 'Guest book: Needs approval' }).selectOption({ label: 'of 30 %' });
  await expect.poll(async () => (await held())[second.id]).toEqual(['read', 'reply', 'approval_threshold_30']);
  await rights.getByRole('checkbox', { name: 'Letters: Read' }).uncheck();
  await expect.poll(async () => (await held())[desk.source.id]).toEqual([]);
  expect(await violations(page.mainFrame())).toEqual([]);

  const { page: hers } = await desk.sits('');
  await hers.getByLabel('E-mail').fill('nora@desk.example');
  await hers.getByLabel('Password').fill('a long and good one 7!');
  await hers.getByRole('button', { name: 'Sign in' }).click();
  await hers.getByRole('navigation').first().waitFor();
  expect(agent.errors).toEqual([]);
});

test('signatures are written for somebody by an administrator, and by themselves', async () => {
  const desk = await Desk.opens();
  const ada = await desk.hires('Ada');
  const { page } = await desk.sits(desk.server.token, { path: `/admin/users/${ada.id}` });
  const signatures = page.getByRole('region', { name: 'Signatures' });
  await signatures.getByRole('button', { name: 'Add a signature' }).click();
  await signatures.getByLabel('Name').fill('Kind');
  await signatures.getByLabel('Text').fill('Kind regards, Ada');
  await signatures.getByLabel('Language').fill('en');
  await signatures.getByRole('button', { name: 'Add', exact: true }).click();
  await signatures.getByText('Kind', { exact: true }).waitFor();
  expect((await desk.server.get(`/users/${ada.id}/signatures`)).records).toMatchObject([{ name: 'Kind', body: 'Kind regards, Ada', language: 'en', source_ids: [] }]);

  const { page: hers, agent } = await desk.sits(ada.token, { path: '/account' });
  const own = hers.getByRole('region', { name: 'Signatures' });
  await own.getByText('Kind', { exact: true }).click();
  await own.getByLabel('Text').fill('Warm regards, Ada');
  await own.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/users/${ada.id}/signatures`)).records[0].body).toBe('Warm regards, Ada');
  expect(await violations(hers.mainFrame())).toEqual([]);
  await own.getByRole('button', { name: 'Delete' }).click();
  await expect.poll(async () => (await desk.server.get(`/users/${ada.id}/signatures`)).count).toBe(0);
  expect(agent.errors).toEqual([]);
});

test('a folder is for some people only, and a category leaves what carried it to another', async () => {
  const desk = await Desk.opens();
  const [ada, ben] = [await desk.hires('Ada'), await desk.hires('Ben')];
  const team = await desk.server.post('/teams', { name: 'First line', user_ids: [ada.id] });
  const { page } = await desk.sits(desk.server.token, { path: '/admin/folders/new' });
  await page.getByLabel('Name').fill('Complaints');
  // A search is tried while it is written.
  await desk.says('Vera Visitor', 'a', 'Where is my refund?');
  await desk.says('Marc Martin', 'b', 'Bonjour');
  await page.getByText('It holds 2 at the moment.').waitFor();
  await page.getByLabel('Search', { exact: true }).fill('source:nowhere');
  await page.getByRole('status').getByText(/source/).waitFor();
  await page.getByLabel('Search', { exact: true }).fill('text:refund');
  await page.getByText('It holds 1 at the moment.').waitFor();
  await page.getByRole('button', { name: 'Choose Only these teams' }).click();
  await page.getByRole('option', { name: 'First line' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Complaints' }).waitFor();
  const seen = async (token: string) => (await desk.server.ask('GET', '/folders', undefined, token)).records.map(({ label }: Json) => label);
  expect([await seen(ada.token), await seen(ben.token)]).toEqual([['Complaints'], []]);
  await page.getByRole('navigation').getByRole('link', { name: 'Folders' }).click();
  await page.getByRole('cell', { name: 'First line' }).waitFor();
  await page.getByRole('link', { name: 'Complaints' }).click();
  await page.getByRole('button', { name: 'Take First line out' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(() => seen(ben.token)).toEqual(['Complaints']);
  expect((await desk.server.get('/folders')).records[0].team_restriction).toEqual({ only: [] });
  void team;

  const topic = await desk.server.post('/categories', { name: 'Topic' });
  const [late, order] = [await desk.server.post('/categories', { name: 'Late', parent_id: topic.id }), await desk.server.post('/categories', { name: 'Order', parent_id: topic.id })];
  await desk.server.put(`/users/${ada.id}`, { category_ids: [late.id] });
  await page.goto(`${new URL(page.url()).origin}/admin/categories/${late.id}`);
  await page.getByRole('button', { name: 'Delete' }).click();
  const asks = page.getByRole('alertdialog');
  await asks.getByLabel('What carries it gets').selectOption({ label: 'Topic › Order' });
  await asks.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Deleted').waitFor();
  expect((await desk.server.get(`/users/${ada.id}`)).category_ids).toEqual([order.id]);
});

test('a website’s key signs its visitors, what it sends fills their cards, and what they missed is mailed in other words', async () => {
  const { url, mail } = await post(opened);
  const desk = await Desk.opens('--smtp-url', url, '--mail-from', 'desk@desk.example');
  const source = await desk.server.source('mobile_messaging');
  const number = await desk.server.post('/custom_fields', { label: 'Customer number', associated_type_name: 'IdentityGroup', type: 'string' });
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/communities/${source.community_id}` });
  const signed = page.getByRole('region', { name: 'Signed visitors' });
  await signed.getByText('No website has a key yet.').waitFor();
  await signed.getByLabel('Name of the key').fill('shop');
  await signed.getByRole('button', { name: 'Add a key' }).click();
  const secret = await signed.getByRole('status').locator('code').innerText();
  expect(secret).toMatch(/^[0-9a-f]{24}$/);
  await signed.getByText('HS256 ·').waitFor();
  await signed.getByLabel('What a website says of its visitors').selectOption({ label: 'counts unsigned' });
  await expect.poll(async () => await desk.server.get(`/communities/${source.community_id}/signed_identities`)).toMatchObject({ mode: 'reject', keys: [{ key_id: 'shop', algorithm: 'HS256' }] });
  await page.getByRole('button', { name: 'Add a value' }).click();
  await page.getByLabel('Name of the value').fill('customer_no');
  await page.getByLabel('Field of the card').selectOption({ label: 'Customer number' });
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/communities/${source.community_id}?extended=true`)).extra_value_mappings).toEqual([{ key: 'customer_no', custom_field_key: number.key }]);
  expect(await violations(page.mainFrame())).toEqual([]);
  await signed.getByRole('button', { name: 'Delete' }).click();
  await signed.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await signed.getByText('No website has a key yet.').waitFor();

  await page.getByRole('navigation').getByRole('link', { name: 'Mail reminders' }).click();
  await page.getByRole('heading', { name: 'Mails are in our own words' }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'New' }).last().click();
  await page.getByLabel('Name').fill('Shop');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Shop' }).waitFor();
  await page.getByLabel('Subject').fill('{{agent_name}} wrote');
  await page.getByLabel('HTML').fill('<p style="color: rgb(200, 0, 100)">You have {{messages_count}} messages</p>{{{messages}}}');
  const seen = page.frameLocator('iframe[title="Preview"]');
  await seen.getByText('You have 2 messages').waitFor();
  await expect.poll(() => seen.getByText('You have 2 messages').evaluate((element) => getComputedStyle(element).color)).toBe('rgb(200, 0, 100)');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').getByText('{{{unsubscribe_link}}}').waitFor();
  await page.getByLabel('HTML').fill('<p>You have {{messages_count}} messages</p>{{{messages}}}<a href="{{{unsubscribe_link}}}">No more</a>');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Send it to me' }).click();
  await page.getByText('It is on its way to admin@frontdesk.local').waitFor();
  expect(await mail('You have 2 messages')).toContain('admin@frontdesk.local');
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('a source answers by itself in its customers’ languages, and a window says it in other words', async () => {
  const desk = await Desk.opens();
  const source = await desk.server.source('mobile_messaging');
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/sources/${source.id}` });
  await page.getByRole('heading', { name: 'What it answers by itself' }).click();
  const first = page.getByRole('group', { name: 'To the first message of a conversation' });
  await first.getByLabel('Answered by itself').check();
  await first.getByRole('button', { name: 'Add an answer' }).click();
  await first.getByLabel('Language').selectOption({ label: 'French' });
  await first.getByLabel('Text').fill('Merci, nous arrivons.');
  await page.getByRole('heading', { name: 'Conversations' }).click();
  await page.getByLabel('Archives by itself what nobody answered').check();
  await page.getByLabel('After seconds').fill('86400');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => desk.server.get(`/content_sources/${source.id}`)).toMatchObject({
    auto_response_trigger_enabled: { first_message_from_user: true },
    auto_response_triggers: [{ language: 'fr', created_from_trigger: 'first_message_from_user', body: 'Merci, nous arrivons.' }],
    content_archiving_period: 86_400,
  });
  expect(await violations(page.mainFrame())).toEqual([]);
  await page.goto(`${new URL(page.url()).origin}/admin/sources/${source.id}/messaging`);
  const texts = page.getByRole('group', { name: 'Texts of the window' });
  await texts.getByLabel('Language').selectOption('fr');
  await texts.getByRole('searchbox').fill('position');
  await texts.getByLabel('queuing_update.queued').fill('Encore %{position} devant vous');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/content_sources/${source.id}/messaging`)).translations).toEqual({ fr: { queuing_update: { queued: 'Encore %{position} devant vous' } } });
  // What is emptied says again what it said by itself.
  await texts.getByLabel('queuing_update.queued').fill('');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/content_sources/${source.id}/messaging`)).translations).toEqual({});
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('somebody is given names to write as, each with where it is, the first one theirs without asking', async () => {
  const desk = await Desk.opens();
  const ada = await desk.hires('Ada');
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/users/${ada.id}` });
  const voices = page.getByRole('group', { name: 'Writes as' });
  const choose = voices.getByRole('button', { name: 'Choose Writes as' });
  await choose.click();
  await page.getByText('No channel has named anybody whom agents may write as').waitFor();
  // A channel names its own; a customer is nobody to write as.
  await desk.says('vera', 'a', 'Where is my kettle?');
  for (const [id, screenname] of [['shop', 'Kettle & Co.'], ['night', 'Night desk']]) await desk.says(id!, `by ${id}`, 'Good day', { author: { id, screenname, created_at: '2026-01-15T10:00:00Z', puppetizable: true } });
  const { records } = await desk.server.get('/identities?controlled=true');
  const [shop, night] = ['shop', 'night'].map((foreign) => records.find(({ foreign_id }: Json) => foreign_id === foreign).id);
  await page.reload();
  await choose.press('Enter');
  await expect.poll(() => page.getByRole('option').allInnerTexts()).toEqual(expect.arrayContaining([expect.stringMatching(/^Kettle & Co\.\s+Letters$/), expect.stringMatching(/^Night desk\s+Letters$/)]));
  expect(await page.getByRole('option', { name: 'vera' }).count()).toBe(0);
  const sought = page.getByRole('combobox', { name: 'Writes as' });
  for (const words of ['night', 'kettle']) {
    await sought.fill(words);
    await sought.press('Enter');
  }
  await sought.press('Escape');
  await expect.poll(() => voices.getByRole('listitem').allInnerTexts()).toEqual(['Night desk Letters', 'Kettle & Co. Letters']);
  await voices.getByRole('button', { name: 'Put Kettle & Co. first' }).click();
  const save = page.getByRole('button', { name: 'Save', exact: true }).first();
  await save.click();
  const held = async () => (await desk.server.get(`/users/${ada.id}`)).identity_ids;
  await expect.poll(held).toEqual([shop, night]);
  expect(await violations(page.mainFrame())).toEqual([]);
  await voices.getByRole('button', { name: 'Take Night desk out' }).click();
  await save.click();
  await expect.poll(held).toEqual([shop]);
  // She writes as the shop without choosing.
  const [asked] = (await desk.server.get('/contents?q=text:kettle')).records;
  expect((await ada.ask('POST', '/contents', { in_reply_to_id: asked.id, body: 'On its way' })).author_id).toBe(shop);
  expect(agent.errors).toEqual([]);
});

test('of a secret it is said that it is stored; it goes once that is saved, and what follows is said before', async () => {
  const desk = await Desk.opens();
  const community = await desk.server.post('/communities', { type: 'twtr', name: 'Our account' });
  const source = await desk.server.post('/content_sources', { type: 'twtr', name: 'Our account', community_id: community.id, x_user_id: '7700', x_consumer_secret: 'consumer-secret', x_client_id: 'client', x_client_secret: 'client-secret' });
  const { page, agent } = await desk.sits(desk.server.token, { path: `/admin/sources/${source.id}` });
  const of = (label: string) => page.locator('.field', { has: page.getByLabel(label, { exact: true }) });
  const consumer = of('App’s API secret');
  const save = page.getByRole('button', { name: 'Save', exact: true }).first();
  await consumer.getByText('Is stored').waitFor();
  await of('OAuth 2.0 client’s secret').getByText('Is stored').waitFor();
  expect(await of('Account’s refresh token').getByText('Is stored').count()).toBe(0);
  await consumer.getByRole('button', { name: 'Remove App’s API secret' }).press('Enter');
  await consumer.getByText('Goes when you save').waitFor();
  await consumer.getByText('Then nothing that X sends is taken.').waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  // It can be taken back, and another one written in its place.
  await consumer.getByRole('button', { name: 'Keep it App’s API secret' }).press('Enter');
  await consumer.getByText('Is stored').waitFor();
  expect(await save.isDisabled()).toBe(true);
  await page.getByLabel('App’s API secret', { exact: true }).fill('another one');
  await consumer.getByText('Is replaced when you save').waitFor();
  await page.getByLabel('App’s API secret', { exact: true }).fill('');
  await consumer.getByText('Is stored').waitFor();
  const read = async () => desk.server.get(`/content_sources/${source.id}?extended=true`);
  expect((await read()).has_x_consumer_secret).toBe(true);
  await consumer.getByRole('button', { name: 'Remove App’s API secret' }).click();
  await save.click();
  await expect.poll(read).toMatchObject({ has_x_consumer_secret: false, has_x_client_secret: true });
  await consumer.locator('.kept').waitFor({ state: 'detached' });

  // Where the server cannot be without it, it says so at the field.
  await desk.server.put('/single_sign_on/jwt', { shared_secret: 'a secret of sixteen', remote_login_url: 'https://id.example/login', enabled: true });
  await page.getByRole('navigation').getByRole('link', { name: 'Single sign-on' }).click();
  const jwt = page.getByRole('region', { name: 'Signed tokens (JWT)' });
  await jwt.getByRole('button', { name: 'Remove Shared secret' }).click();
  await jwt.getByText('Then no signed token lets anybody in.').waitFor();
  await jwt.getByRole('button', { name: 'Save' }).click();
  await jwt.getByRole('alert').getByText('can\'t be blank while this is enabled').waitFor();
  await jwt.getByLabel('It lets people in').uncheck();
  await jwt.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => desk.server.get('/single_sign_on/jwt')).toMatchObject({ enabled: false, has_shared_secret: false });

  const hook = await desk.server.post('/webhooks', { url: 'https://crm.example/hook', registered_events: ['content.imported'], secret: 'another one' });
  await page.goto(`${new URL(page.url()).origin}/admin/webhooks/${hook.id}`);
  await page.getByRole('button', { name: 'Remove Secret' }).click();
  await page.getByText('Then requests carry no X-Dimelo-Secret.').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/webhooks/${hook.id}?extended=true`)).has_secret).toBe(false);
  expect(agent.errors).toEqual([]);
});

test('a colleague whom no mail reaches gets a link that is shown once, and comes in by it', async () => {
  const desk = await Desk.opens();
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/users/new', locale: 'fr', viewport: { width: 390, height: 844 } });
  await page.getByLabel('Courriel').fill('nora@desk.example');
  await page.getByLabel('Prénom').fill('Nora');
  await page.getByLabel('Nom', { exact: true }).fill('New');
  await page.getByLabel('Rôle', { exact: true }).selectOption({ label: 'Agent' });
  await page.getByRole('button', { name: 'Inviter' }).click();
  await page.getByText('Invitation créée pour Nora New').waitFor();
  const invitation = page.getByRole('region', { name: 'Invitation' });
  await invitation.getByText('Ce serveur n’envoie pas de courriel').waitFor();
  // What is to be done next is seen first.
  expect((await invitation.getByRole('button', { name: 'Créer un lien' }).boundingBox())!.y).toBeLessThan(600);
  const text = () => invitation.locator('code').innerText();
  await invitation.getByRole('button', { name: 'Créer un lien' }).click();
  const first = await text();
  await invitation.getByRole('button', { name: 'Créer un autre lien' }).click();
  await expect.poll(text).not.toBe(first);
  const link = new URL(await text());
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  // Shown once: whoever looks again makes another one.
  await page.reload();
  await invitation.getByRole('button', { name: 'Créer un lien' }).waitFor();
  expect(await invitation.locator('code').count()).toBe(0);

  const { page: hers } = await desk.sits('', { path: link.pathname + link.hash });
  await hers.getByLabel('New password').fill('correct horse battery');
  await hers.getByRole('button', { name: 'Save' }).click();
  await hers.getByRole('link', { name: 'To Frontdesk' }).click();
  await hers.getByLabel('E-mail').fill('nora@desk.example');
  await hers.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await hers.getByRole('button', { name: 'Sign in', exact: true }).click();
  await hers.getByRole('navigation', { name: 'Folders' }).waitFor();
  await page.reload();
  await page.getByRole('region', { name: 'Ce qu’il peut sur chaque source' }).waitFor();
  expect(await invitation.count()).toBe(0);
  expect(agent.errors).toEqual([]);
});

test('who invites and may not change users is told who can hand out a link', async () => {
  const desk = await Desk.opens();
  const role = await desk.server.post('/roles', { label: 'Host', invite_user: true, read_user: true });
  const host = await desk.hires('Hester');
  await desk.server.put(`/users/${host.id}`, { role_id: role.id });
  const plain = await desk.server.post('/roles', { label: 'Nothing yet' });
  const nora = await desk.server.post('/users/invite', { email: 'nora@desk.example', firstname: 'Nora', lastname: 'New', role_id: plain.id });
  const { page } = await desk.sits(host.token, { path: `/admin/users/${nora.id}` });
  const invitation = page.getByRole('region', { name: 'Invitation' });
  await invitation.getByText("frontdesk user password --user 'nora@desk.example'").waitFor();
  expect(await invitation.getByRole('button', { name: 'Make a link' }).count()).toBe(0);
  expect(await violations(page.mainFrame())).toEqual([]);
});
