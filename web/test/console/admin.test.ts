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
  expect(await page.getByRole('link', { name: 'Open the chat' }).getAttribute('href')).toBe(`/chat/${widget_token}/web`);

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
  expect(Object.entries(role).filter(([, held]) => held === true).map(([name]) => name)).toEqual(['manage_categories', 'manage_tags']);

  const ada = await desk.hires('Ada');
  await desk.server.put(`/users/${ada.id}`, { role_id: role.id });
  const { page: hers } = await desk.sits(ada.token, { path: '/admin' });
  const sections = hers.getByRole('navigation').getByRole('link');
  await expect.poll(() => sections.allInnerTexts()).toEqual(['Categories', 'Tags', 'Webhooks']);
  // The right goes, and its screen with it.
  await desk.server.put(`/roles/${role.id}`, { manage_tags: false });
  await expect.poll(() => sections.allInnerTexts()).toEqual(['Categories', 'Webhooks']);
});

test('refusals stand beside their field, and secrets are shown once', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/webhooks/new' });
  await page.getByLabel('Address').fill('http://127.0.0.1:1/hook');
  await page.getByRole('button', { name: 'Choose Events' }).click();
  await page.getByRole('option', { name: 'content.imported' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Create' }).click();
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

test('opening hours, settings and the journal', async () => {
  const desk = await Desk.opens();
  const { page } = await desk.sits(desk.server.token, { path: '/admin/time_sheets/new' });
  await page.getByLabel('Name').fill('Office');
  await page.getByLabel('Monday').fill('9-12, 14:00-18:00');
  await page.getByLabel('Begins with the public holidays of').selectOption({ label: 'France' });
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Office' }).waitFor();
  const sheet = (await desk.server.get('/time_sheets')).records[0];
  expect(sheet.monday_hours).toBe('32400-43200,50400-64800');
  expect(await page.getByLabel('Monday').inputValue()).toBe('9:00-12:00, 14:00-18:00');
  expect(await page.getByLabel('Holiday', { exact: true }).count()).toBeGreaterThan(40);

  await page.getByRole('navigation').getByRole('link', { name: 'Settings' }).click();
  await page.getByLabel('What it is called').fill('Kettle & Co.');
  await page.getByLabel('Characters at least').fill('12');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect.poll(async () => (await desk.server.get('/settings')).name).toBe('Kettle & Co.');
  expect((await desk.server.get('/settings')).password_min_length).toBe(12);

  await page.getByRole('navigation').getByRole('link', { name: 'Journal' }).click();
  await page.getByRole('button', { name: 'security.updated' }).first().click();
  await expect.poll(async () => new Set(await page.locator('tbody .link').allInnerTexts())).toEqual(new Set(['security.updated']));
  await page.reload();
  await expect.poll(async () => new Set(await page.locator('tbody .link').allInnerTexts())).toEqual(new Set(['security.updated']));
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
  await page.getByLabel('Name').fill('Day');
  const steps = page.getByLabel('Steps');
  await steps.fill('{ "version": 1, "steps": [');
  await page.getByText('no document with steps').waitFor();
  const document = { version: 1, steps: [{ name: 'team', agents: { team_ids: [team.id] }, for: '5m', next: 'nowhere' }, { name: 'everybody', agents: { everyone: true } }] };
  await steps.fill(JSON.stringify(document));
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('alert').getByText('names no step: "nowhere"').waitFor();
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

  await desk.says('Vera Visitor', 'a', 'Where is my kettle?');
  await page.getByRole('navigation').getByRole('link', { name: 'Supervision' }).click();
  await row(page, 'team').getByRole('button', { name: 'Why is it here?' }).click();
  await page.locator('.trace').getByText(/disconnected/).first().waitFor();
  expect(await violations(page.mainFrame())).toEqual([]);
  expect(agent.errors).toEqual([]);
});

const LOOKS = { light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' }, 'on a phone': { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } } as const;

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
    for (const path of ['', '/sources', '/sources/new', `/sources/${source}`, '/users', `/users/${me}`, '/roles/new', '/tags', '/time_sheets/new', '/settings', '/single_sign_on', '/events', '/topologies/new', '/supervision', '/webhooks/new', '/access_tokens/new', ...chat, ...answers, ...categories]) {
      await page.goto(`${origin}/admin${path}`);
      await page.locator('main:not(:has([aria-busy])) :is(.form, .table, .empty, .overview, .tree)').first().waitFor();
      expect(await violations(page.mainFrame()), path).toEqual([]);
      // Nothing is wider than the screen.
      expect(await page.locator('.admin-page').evaluate((all) => all.scrollWidth - all.clientWidth), path).toBe(0);
    }
  }, 120_000);
}
