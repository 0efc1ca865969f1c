// Administration, over the real server.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, lines, open } from './cast.ts';

open();

type Page = import('playwright-core').Page;
const row = (page: Page, name: string) => page.locator('tbody tr').filter({ hasText: name });

test('a new administrator sets up a chat, a colleague, and what the colleague may there', async () => {
  const desk = await Desk.opens();
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin' });
  await page.getByRole('navigation').getByRole('link', { name: 'Sources' }).click();
  await page.getByRole('button', { name: 'New' }).click();
  await page.getByRole('radio', { name: /^Messaging, for a website/ }).check();
  await page.getByLabel('Name', { exact: true }).fill('Purple Shop');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Purple Shop' }).waitFor();
  const source = (await desk.server.get('/content_sources')).records.find(({ name }: { name: string }) => name === 'Purple Shop');
  const { widget_token } = await desk.server.get(`/content_sources/${source.id}?extended=true`);
  await page.getByText(`/chat/${widget_token}/loader.js`).waitFor();
  expect(await page.getByRole('link', { name: 'Open the chat' }).getAttribute('href')).toBe(`/chat/${widget_token}/try`);

  await page.getByRole('navigation').getByRole('link', { name: 'Users' }).click();
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByLabel('E-mail').fill('nora@desk.example');
  await page.getByLabel('First name').fill('Nora');
  await page.getByLabel('Last name').fill('New');
  await page.getByLabel('Role').selectOption({ label: 'Agent' });
  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByRole('heading', { name: 'Nora New' }).waitFor();
  await page.getByRole('checkbox', { name: 'Purple Shop: Answer' }).check();
  await expect.poll(async () => {
    const nora = (await desk.server.get('/users?email=nora@desk.example')).records[0];
    return (await desk.server.get(`/users/${nora.id}/sources_permissions`))[source.id];
  }).toEqual(['read', 'reply']);
  expect(agent.errors).toEqual([]);
});

test('every list has search and sorting, survives a reload, and teaches while it is empty', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/tags' });
  await page.getByRole('heading', { name: 'No tags yet' }).waitFor();
  await page.getByText('Tags mark customers').waitFor();
  await page.getByRole('main').getByRole('button', { name: 'New' }).last().click();
  await page.getByLabel('Name').fill('Regular');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Regular' }).waitFor();
  for (const name of ['Apple', 'Banana', 'Crème']) await desk.server.post('/tags', { name });
  await page.goto(`${new URL(page.url()).origin}/admin/tags`);
  const names = () => page.locator('tbody td:first-child').allInnerTexts();
  await expect.poll(names).toEqual(['Apple', 'Banana', 'Crème', 'Regular']);
  await page.getByRole('button', { name: /^Name/ }).click();
  await expect.poll(names).toEqual(['Regular', 'Crème', 'Banana', 'Apple']);
  await page.getByRole('searchbox', { name: 'Search' }).fill('creme');
  await expect.poll(names).toEqual(['Crème']);
  await page.reload();
  await expect.poll(names).toEqual(['Crème']);
  expect(await page.getByRole('columnheader').getAttribute('aria-sort')).toBe('descending');
  await row(page, 'Crème').click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
  await expect.poll(async () => (await desk.server.get('/tags')).count).toBe(3);
});

for (const [what, flags] of [['while there is nothing', []], ['with what there is', ['--demo']]] as const) {
  test(`every part of administration is searched and sorted, or teaches while it is empty, ${what}`, async () => {
    const desk = await Desk.opens(...flags);
    const { page } = await desk.sits(desk.server.token, { path: '/admin' });
    const links = page.getByRole('navigation').getByRole('link');
    await links.first().waitFor();
    const found: Record<string, string> = {};
    for (const name of await links.allInnerTexts()) {
      await links.getByText(name, { exact: true }).click();
      await page.getByRole('heading', { name, level: 1 }).waitFor();
      await page.locator('main:not(:has([aria-busy])) :is(.table, .empty, .tree, .form)').first().waitFor();
      const main = page.getByRole('main');
      if (await main.locator('.empty').count()) {
        expect(await main.locator('.empty p').innerText(), name).toMatch(/\w{3}.*\./);
        if (name !== 'Supervision') expect(await main.locator('.empty').getByRole('button', { name: /^(New|Invite)$/ }).count(), name).toBe(1);
        found[name] = 'teaches';
      } else if (await main.locator('.table, .tree').count()) {
        // The journal is searched by what its events are called, whose they are and when they were.
        if (name === 'Journal') expect(await main.locator('.filters').getByRole('button', { name: 'Event' }).count()).toBe(1);
        else expect(await main.locator('input[type=search]').count(), name).toBeGreaterThan(0);
        const isSorted = (await main.locator('th[aria-sort] button').count()) + (await main.locator('.tree').count()) + (await main.getByRole('combobox', { name: 'Order' }).count());
        expect(isSorted, name).toBeGreaterThan(0);
        found[name] = 'is sorted';
      }
    }
    expect(Object.keys(found)).toHaveLength(21);
    expect(found['Task channels']).toBe(flags.length ? 'is sorted' : 'teaches');
  }, 60_000);
}

test('what two change at once is never overwritten silently', async () => {
  const desk = await Desk.opens();
  const team = await desk.server.post('/teams', { name: 'First line' });
  const { page } = await desk.sits(desk.server.token, { path: `/admin/teams/${team.id}` });
  await page.getByLabel('Name').fill('Front row');
  await desk.server.put(`/teams/${team.id}`, { name: 'First floor' });
  await page.getByRole('button', { name: 'Save' }).click();
  const clash = page.getByRole('alert');
  await clash.getByText('Theirs: First floor').waitFor();
  await clash.getByText('Yours: Front row').waitFor();
  expect((await desk.server.get(`/teams/${team.id}`)).name).toBe('First floor');
  await clash.getByRole('button', { name: 'Keep yours' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get(`/teams/${team.id}`)).name).toBe('Front row');
  // What is not saved is there when one comes back, and what was not touched is as the others have it.
  await page.getByLabel('Name').fill('Back row');
  await page.getByRole('navigation').getByRole('link', { name: 'Tags' }).click();
  await page.goBack();
  expect(await page.getByLabel('Name').inputValue()).toBe('Back row');
});

test('a role is made of permissions in words, and who has few sees few screens', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/roles/new' });
  await page.getByLabel('Name').fill('Librarian');
  expect(await page.locator('.permission:not(.whole)').count()).toBe(74);
  await page.getByRole('checkbox', { name: /^Manage tags/ }).check();
  await page.getByRole('searchbox').fill('categories');
  await page.getByRole('checkbox', { name: /^Manage categories/ }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Librarian' }).waitFor();
  const role = (await desk.server.get('/roles?extended=true')).records.find(({ label }: { label: string }) => label === 'Librarian');
  const held = (of: Record<string, unknown>) => Object.entries(of).filter(([, is]) => is === true).map(([name]) => name);
  expect(held(role)).toEqual(['manage_categories', 'manage_tags']);
  await page.getByRole('button', { name: 'Duplicate' }).click();
  await page.getByLabel('Name').fill('Archivist');
  await page.getByRole('searchbox').fill('teams');
  await page.getByRole('checkbox', { name: /^Manage teams/ }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Archivist' }).waitFor();
  const second = (await desk.server.get('/roles?extended=true')).records.find(({ label }: { label: string }) => label === 'Archivist');
  expect(held(second)).toEqual(['manage_categories', 'manage_tags', 'manage_teams']);

  const ada = await desk.hires('Ada');
  await desk.server.put(`/users/${ada.id}`, { role_id: role.id });
  const { page: hers } = await desk.sits(ada.token, { path: '/admin' });
  const sections = hers.getByRole('navigation').getByRole('link');
  await expect.poll(() => sections.allInnerTexts()).toEqual(['Categories', 'Tags', 'Webhooks']);
  // What is theirs is found by its name.
  await hers.keyboard.press('Control+k');
  const found = hers.getByRole('dialog').getByRole('option', { name: /Administration$/ });
  await expect.poll(() => found.allInnerTexts()).toHaveLength(1 + 3);
  await hers.getByRole('combobox').fill('categ');
  await hers.keyboard.press('Enter');
  await hers.getByRole('heading', { name: 'Categories', level: 1 }).waitFor();
  // The right goes, and its screen with it.
  await desk.server.put(`/roles/${role.id}`, { manage_tags: false });
  await expect.poll(() => sections.allInnerTexts()).toEqual(['Categories', 'Webhooks']);
});

test('refusals stand beside their field, and secrets are shown once', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/webhooks/new' });
  await page.getByLabel('Address').fill('http://127.0.0.1:1/hook');
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await page.getByRole('button', { name: 'Take content.imported out' }).waitFor();
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('alert').getByText('is a loopback address').waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'Access tokens' }).click();
  await page.getByRole('button', { name: 'New' }).click();
  await page.getByLabel('Name').fill('Report');
  await page.getByRole('button', { name: 'Create' }).click();
  const token = await page.getByRole('status').locator('code').innerText();
  expect((await desk.server.ask('GET', '/users/me', undefined, token)).email).toBe('admin@frontdesk.local');
  await page.reload();
  await page.getByRole('heading', { name: 'Report' }).waitFor();
  expect(await page.getByText(token).count()).toBe(0);
});

test('who signs out leaves nothing that they had typed and not saved', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/webhooks/new' });
  await page.getByLabel('Address').fill('https://bot.example/hook');
  await page.getByLabel('Secret', { exact: true }).fill('typed by Ada');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Go to, or do' }).fill('sign out');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Use an access token instead' }).click();
  await page.getByLabel('Access token').fill(desk.server.token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByLabel('Address').waitFor();
  expect([await page.getByLabel('Address').inputValue(), await page.getByLabel('Secret', { exact: true }).inputValue()]).toEqual(['', '']);
});

test('opening hours begin with a country’s holidays, get one’s own, and belong to their sources', async () => {
  const desk = await Desk.opens();
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/time_sheets/new' });
  await page.getByLabel('Name').fill('Office');
  await page.getByRole('button', { name: 'Choose Sources' }).click();
  await page.getByRole('option', { name: 'Letters' }).click();
  await page.keyboard.press('Escape');
  await page.getByLabel('Time zone').selectOption('Europe/Paris');
  await page.getByLabel('Monday').fill('9-12, 14:00-18:00');
  await page.getByLabel('Tuesday').fill('18-9');
  await page.getByText('Write hours such as').waitFor();
  await page.getByLabel('Tuesday').fill('10h-16h30');
  await page.getByLabel('Begins with the public holidays of').selectOption({ label: 'France' });
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Office' }).waitFor();
  const read = async () => (await desk.server.get('/time_sheets')).records[0];
  const sheet = await read();
  expect([sheet.monday_hours, sheet.tuesday_hours, sheet.sunday_hours]).toEqual(['32400-43200,50400-64800', '36000-59400', '']);
  expect(await page.getByLabel('Monday').inputValue()).toBe('9:00-12:00, 14:00-18:00');
  const holidays: { name: string; date: string }[] = sheet['holidays[]'];
  expect(holidays.length).toBeGreaterThan(40);
  expect(await page.getByLabel('Holiday', { exact: true }).count()).toBe(holidays.length);
  // One that the office does not keep goes, one of its own comes.
  const [first] = holidays;
  await page.getByRole('button', { name: `Take ${first!.name} out` }).first().click();
  await page.getByRole('group', { name: 'Holidays' }).getByRole('button', { name: 'Add' }).click();
  await page.getByLabel('Date', { exact: true }).last().fill('2027-03-05');
  await page.getByLabel('Holiday', { exact: true }).last().fill('Stocktaking');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await read())['holidays[]'].some(({ name, date }: { name: string; date: string }) => name === 'Stocktaking' && date === '2027-03-05')).toBe(true);
  expect((await read())['holidays[]']).toHaveLength(holidays.length);
  expect((await desk.server.get(`/content_sources/${desk.source.id}`)).time_sheet_ids).toEqual([sheet.id]);
  await page.getByRole('navigation').getByRole('link', { name: 'Opening hours' }).click();
  await row(page, 'Office').getByText('Letters').waitFor();
  expect(agent.errors).toEqual([]);
});

test('settings are changed, and the journal finds who did what by its filters', async () => {
  const desk = await Desk.opens();
  const ada = await desk.hires('Ada');
  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await desk.says('Marc Martin', 'b', 'Bonjour');
  const thread = await desk.thread('a');
  await ada.ask('POST', '/interventions', { content_id: thread.last_content.id });
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/settings' });
  await page.getByLabel('What it is called').fill('Kettle & Co.');
  await page.getByLabel('Characters at least').fill('12');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get('/settings')).name).toBe('Kettle & Co.');
  expect((await desk.server.get('/settings')).password_min_length).toBe(12);

  // For how long conversations are deferred is written as people say it; what the server refuses is said there.
  const rates = page.getByLabel('What is offered when a conversation is deferred');
  const offered = async () => (await desk.server.get('/settings')).intervention_defer_rates;
  expect(await rates.inputValue()).toBe('1h, 4h, 1d, 2d, 7d');
  await rates.fill('30m, soon');
  await page.getByText('Write spans such as').waitFor();
  await rates.fill('0s, 30m');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.field', { has: rates }).getByRole('alert').getByText('must hold seconds from 1').waitFor();
  await rates.fill('30m, 36h, 2d');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(offered).toEqual([1_800, 129_600, 172_800]);
  const { page: french } = await desk.sits(desk.server.token, { path: '/admin/settings', locale: 'fr' });
  const taux = french.getByLabel('Ce qui est proposé pour reporter une conversation');
  await expect.poll(() => taux.inputValue()).toBe('30m, 36h, 2j');
  await taux.fill('1j');
  await french.getByRole('button', { name: 'Enregistrer' }).click();
  await expect.poll(offered).toEqual([86_400]);

  await page.getByRole('navigation').getByRole('link', { name: 'Journal' }).click();
  const names = () => page.locator('tbody td:nth-child(2) code').allInnerTexts();
  const only = (...some: string[]) => expect.poll(async () => [...new Set(await names())].sort()).toEqual(some);
  await page.getByRole('button', { name: 'Security: changed' }).first().click();
  await only('security.updated');
  await page.reload();
  await only('security.updated');
  // Several at once, found by what they are called or by their name, without a mouse.
  const chooses = page.getByRole('button', { name: 'Choose Event' });
  await chooses.press('Enter');
  const sought = page.getByRole('combobox', { name: 'Event' });
  await expect.poll(() => page.getByRole('listbox', { name: 'Event' }).getByRole('option').count()).toBe(272);
  await page.getByRole('listbox', { name: 'Event' }).getByText('Opening hours', { exact: true }).waitFor();
  await sought.fill('conversation opened');
  await sought.press('Enter');
  await sought.fill('settings.upd');
  await page.getByRole('option', { name: 'Settings: changed settings.updated' }).waitFor();
  await sought.press('Enter');
  await only('intervention.opened', 'security.updated', 'settings.updated');
  await sought.press('Escape');
  await page.reload();
  await only('intervention.opened', 'security.updated', 'settings.updated');
  await page.getByRole('button', { name: 'Take Settings: changed out' }).click();
  await only('intervention.opened', 'security.updated');
  await page.getByRole('button', { name: 'All events' }).click();
  await page.getByRole('combobox', { name: 'Who' }).selectOption({ label: 'Ada Agent' });
  await only('intervention.assigned', 'intervention.opened');
  // All that happened in that conversation, from its beginning.
  await page.getByRole('button', { name: 'Its events' }).first().click();
  await page.getByRole('combobox', { name: 'Who' }).selectOption({ label: 'Anybody' });
  await page.getByRole('combobox', { name: 'Order' }).selectOption({ label: 'Oldest first' });
  await expect.poll(async () => (await names())[0]).toBe('content.imported');
  await expect.poll(async () => (await names()).filter((name) => name === 'content.imported')).toHaveLength(1);
  await page.getByRole('button', { name: 'Take Of one conversation out' }).click();
  await expect.poll(async () => (await names()).filter((name) => name === 'content.imported')).toHaveLength(2);
  await page.getByLabel('Before').fill('2026-01-01');
  await page.getByRole('heading', { name: 'Nothing happened' }).waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

test('a topology is drawn while it is written, rehearsed and made to lead; supervision says why a task is where it is', async () => {
  const desk = await Desk.opens();
  await desk.server.post('/channels', { name: 'Messages', source_ids: [desk.source.id] });
  const team = await desk.server.post('/teams', { name: 'First line' });
  const ada = await desk.hires('Ada');
  await desk.server.put(`/teams/${team.id}`, { user_ids: [ada.id] });
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/topologies' });
  await page.getByRole('heading', { name: 'The built-in one leads' }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'New' }).last().click();
  await page.getByLabel('Name', { exact: true }).fill('Day');
  await page.getByText('The same as JSON').click();
  const steps = page.getByLabel('JSON', { exact: true });
  await steps.fill('{ "version": 1, "steps": [');
  await page.getByText('no document with steps').waitFor();
  const document = { version: 1, steps: [{ name: 'team', agents: { team_ids: [team.id] }, for: '5m', next: 'nowhere' }, { name: 'everybody', agents: { everyone: true } }] };
  await steps.fill(JSON.stringify(document));
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('group', { name: '1. team' }).getByRole('alert').getByText('Names no step: "nowhere"').waitFor();
  document.steps[0]!.next = 'everybody';
  await steps.fill(JSON.stringify(document));
  const picture = page.getByRole('img', { name: /How a task finds its agent/ });
  expect(await picture.getAttribute('aria-label')).toContain('team: First line, 5m → everybody');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Day' }).waitFor();
  await page.getByLabel('Since').fill('2026-01-01');
  await page.getByRole('button', { name: 'Rehearse' }).click();
  // Further back than it can go: the server says so.
  await page.getByText(/seconds before until/).waitFor();
  await page.getByLabel('Since').fill(new Date(Date.now() - 86_400_000).toISOString().slice(0, 10));
  await page.getByRole('button', { name: 'Rehearse' }).click();
  await page.getByRole('columnheader', { name: '0 tasks' }).waitFor();
  await page.getByRole('button', { name: 'Let it lead' }).click();
  await page.getByText('This one leads.').waitFor();
  expect((await desk.server.get('/topologies?extended=true')).records[0].active).toBe(true);
  // One that leads is changed by way of another.
  await page.getByRole('button', { name: 'Duplicate' }).click();
  await picture.waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Night');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Night' }).waitFor();
  expect((await desk.server.get('/topologies?extended=true')).records.find(({ name }: { name: string }) => name === 'Night').config).toEqual((await desk.server.get('/topologies?extended=true')).records.find(({ name }: { name: string }) => name === 'Day').config);

  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await page.getByRole('navigation').getByRole('link', { name: 'Supervision' }).click();
  await row(page, 'Vera Visitor').getByRole('button', { name: 'Why is it here?' }).click();
  await page.locator('.trace').getByText(/not there/).first().waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const LOOKS = { light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' }, 'on a phone': PHONE, 'on a phone, in French': { ...PHONE, locale: 'fr' } } as const;

for (const [look, options] of Object.entries(LOOKS)) {
  test(`administration can be used by everybody, ${look}`, async () => {
    const desk = await Desk.opens('--demo');
    const { page } = await desk.sits(desk.server.token, options);
    await lines(page).first().waitFor();
    const { origin } = new URL(page.url());
    const source = desk.source.id;
    const me = (await desk.server.get('/users/me')).id;
    const { records: sources } = await desk.server.get('/content_sources?extended=true');
    const site = sources.find(({ type }: { type: string }) => type === 'mobile_messaging').id;
    const first = async (path: string) => (await desk.server.get(path)).records[0].id;
    const parts = ['triggers', 'catalog_items', 'custom_variables'].flatMap((name) => [name, `${name}/new`]);
    const chat = [...parts, `triggers/${await first(`/content_sources/${site}/triggers`)}`, `catalog_items/${await first(`/content_sources/${site}/catalog_items`)}`, 'messaging'].map((part) => `/sources/${site}/${part}`);
    const answers = ['/reply_entries', `/reply_entries/${await first('/reply_assistant/entries')}`, '/reply_groups'];
    const categories = ['/categories', '/categories/new', `/categories/${await first('/categories')}`];
    const others = ['/communities', `/communities/${sources.find(({ id }: { id: string }) => id === site).community_id}`, '/mail_templates', '/mail_templates/new', '/folders/new', '/teams', '/custom_fields/new', `/supervision/${me}`];
    for (const path of ['', '/sources', '/sources/new', `/sources/${source}`, '/users', `/users/${me}`, '/roles/new', '/tags', '/time_sheets/new', '/settings', '/single_sign_on', '/events', '/topologies/new', '/supervision', '/webhooks/new', '/access_tokens/new', ...chat, ...answers, ...categories, ...others]) {
      await page.goto(`${origin}/admin${path}`);
      await page.locator('main:not(:has([aria-busy])) :is(.form, .table, .empty, .overview, .tree, .agents)').first().waitFor();
      expect(await violations(page.mainFrame()), path).toEqual([]);
      // Nothing is wider than the screen.
      expect(await page.locator('.admin-page').evaluate((all) => all.scrollWidth - all.clientWidth), path).toBe(0);
    }
  }, 120_000);
}

test('on a phone, in French, the filters of the journal are read whole', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/events', locale: 'fr', viewport: { width: 390, height: 844 } });
  await page.getByLabel('Ordre').waitFor();
  const cut = await page.locator('.filters select').evaluateAll((all) =>
    (all as HTMLSelectElement[]).flatMap((select) => {
      const style = getComputedStyle(select);
      const pen = document.createElement('canvas').getContext('2d')!;
      pen.font = style.font;
      const room = select.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
      // Those that are known beforehand; names of people may be of any length.
      const words = [...select.options].filter(({ value }) => !/^[0-9a-f]{24}$/.test(value)).map(({ text }) => text);
      return words.filter((word) => pen.measureText(word).width > room);
    }),
  );
  expect(cut).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  // What is a link begins where its words do, also on its second line.
  expect(await page.locator('tbody button.link').evaluateAll((all) => [...new Set(all.map((link) => getComputedStyle(link).textAlign))])).toEqual(['start']);
});

test('languages have their names in the language of who reads, in its order', async () => {
  const desk = await Desk.opens();
  const { page, agent } = await desk.sits(desk.server.token, { path: '/admin/settings', locale: 'fr' });
  const languages = page.getByLabel('Langue', { exact: true });
  await languages.waitFor();
  await expect.poll(async () => (await languages.locator('option').allInnerTexts()).filter((name) => name).slice(0, 3)).toEqual(['Afrikaans', 'Albanais', 'Allemand']);
  expect(agent.errors).toEqual([]);
});
