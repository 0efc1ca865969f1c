// Pictures of administration, to be looked at: SHOTS=dist/shots npx vitest run admin-screenshots. SCREENS=user,mail makes some of
// them only, LONG=1 all of a long one.

import { mkdir } from 'node:fs/promises';
import { beforeAll, describe, test } from 'vitest';
import { Desk, open } from './cast.ts';

const shots = process.env.SHOTS;

const LOOKS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  french: { colorScheme: 'light', locale: 'fr' },
  'french-phone': { colorScheme: 'light', locale: 'fr', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;

describe.skipIf(!shots)('pictures', () => {
  open();
  beforeAll(() => mkdir(shots!, { recursive: true }));

  for (const [look, options] of Object.entries(LOOKS)) {
    test(`administration, ${look}`, async () => {
      const desk = await Desk.opens('--demo');
      const me = (await desk.server.get('/users/me')).id;
      const team = await desk.server.post('/teams', { name: 'First line', user_ids: (await desk.server.get('/users')).records.map(({ id }: { id: string }) => id) });
      const json_config = JSON.stringify({ version: 1, steps: [{ name: 'last agent', agents: { last_agent: true }, for: '30s', next: 'everybody' }, { name: 'team', when: { languages: ['fr'] }, agents: { team_ids: [team.id], category_match: true }, for: '5m', next: 'everybody' }, { name: 'everybody', agents: { everyone: true }, offer: 'all' }], queues: [{ name: 'triage', next: 'team' }] });
      const topology = await desk.server.post('/topologies', { name: 'Day', json_config });
      const [answer] = (await desk.server.get('/reply_assistant/entries')).records;
      const { records } = await desk.server.get('/content_sources?extended=true');
      const site = records.find(({ type }: { type: string }) => type === 'mobile_messaging').id;
      const first = async (part: string) => (await desk.server.get(`/content_sources/${site}/${part}`)).records[0].id;
      const item = await first('catalog_items');
      const conditions = [{ criterion: 'page_path', operator: 'contains', value: 'cart' }, { criterion: 'visit_duration', operator: 'greater_or_equal', value: 20 }];
      const trigger = await desk.server.post(`/content_sources/${site}/triggers`, { label: 'In the basket', conditions, actions: { show: 'minimized', button: item } });
      await desk.server.post(`/content_sources/${site}/custom_variables`, { name: 'custom_total', label: 'Total of the basket', type: 'number' });
      const { community_id } = records.find(({ id }: { id: string }) => id === site);
      await desk.server.post(`/communities/${community_id}/jwt_keys`, { key_id: 'our_app', algorithm: 'HS256', key: '0123456789abcdef01234567' });
      const mail = await desk.server.post('/messaging_mail_templates', { name: 'Shop' });
      await desk.server.post(`/users/${me}/signatures`, { name: 'Kind', body: 'Kind regards', language: 'en' });
      const hours = await desk.server.post('/time_sheets', { label: 'Office', monday_hours: '32400-43200,50400-64800', holidays_region: 'fr', source_ids: [desk.source.id] });
      const hook = await desk.server.post('/webhooks', { url: 'https://crm.example/hook', registered_events: ['content.imported'] });
      const folder = (await desk.server.get('/folders')).records[0] ?? (await desk.server.post('/folders', { label: 'Complaints', query: 'text:refund', team_restriction: { only: [team.id] } }));
      const community = await desk.server.post('/communities', { type: 'facebook', name: 'Pages' });
      const connected = await desk.server.post('/content_sources', { type: 'facebook', name: 'Our page', community_id: community.id, facebook_page_id: '1000', facebook_app_id: '1', facebook_app_secret: 'app-secret' });
      // Somebody is there, and some work waits.
      const [channel] = (await desk.server.get('/channels')).records;
      await desk.server.put(`/channels/${channel.id}`, { source_ids: records.map(({ id }: { id: string }) => id), soft_capability: 1 });
      await desk.server.post('/status/me/connect', {});
      for (const [name, words] of [['Vera Visitor', 'Where is my kettle?'], ['Marc Martin', 'Bonjour'], ['Ines Lopez', 'Is it back in stock?']] as const) await desk.says(name, name, words);
      const { page } = await desk.sits(desk.server.token, { ...options, path: '/admin' });
      const { origin } = new URL(page.url());
      const screens = { overview: '', sources: '/sources', 'new-source': '/sources/new', source: `/sources/${desk.source.id}`, users: '/users', user: `/users/${me}`, 'new-user': '/users/new', role: '/roles/new', communities: '/communities', community: `/communities/${community_id}`, mails: '/mail_templates', mail: `/mail_templates/${mail.id}`, categories: '/categories', answers: '/reply_entries', answer: `/reply_entries/${answer.id}`, 'new-category': '/categories/new', site: `/sources/${site}`, triggers: `/sources/${site}/triggers`, trigger: `/sources/${site}/triggers/${trigger.id}`, items: `/sources/${site}/catalog_items`, item: `/sources/${site}/catalog_items/${item}`, variables: `/sources/${site}/custom_variables`, window: `/sources/${site}/messaging`, 'sign-on': '/single_sign_on', teams: '/teams', tags: '/tags', folder: `/folders/${folder.id}`, hours: `/time_sheets/${hours.id}`, webhook: `/webhooks/${hook.id}`, settings: '/settings', journal: '/events', channels: '/channels', channel: `/channels/${channel.id}`, capacity: '/user_capacities/new', away: '/presence_status', tokens: '/access_tokens', 'new-token': '/access_tokens/new', webhooks: '/webhooks', 'new-webhook': '/webhooks/new', fields: '/custom_fields', 'new-field': '/custom_fields/new', folders: '/folders', roles: '/roles', groups: '/reply_groups', sheets: '/time_sheets', connected: `/sources/${connected.id}`, topologies: '/topologies', topology: `/topologies/${topology.id}`, supervision: '/supervision', agent: `/supervision/${me}` };
      const wanted = process.env.SCREENS?.split(',');
      for (const [name, path] of Object.entries(screens)) {
        if (wanted && !wanted.includes(name)) continue;
        // Who is silent for a minute has gone.
        await desk.server.post('/status/me/connect', {});
        await page.goto(`${origin}/admin${path}`);
        await page.locator('main:not(:has([aria-busy])) :is(.form, .table, .empty, .overview, .tree, .agents)').first().waitFor();
        await page.waitForTimeout(400);
        await page.screenshot({ path: `${shots}/${look}-admin-${name}.png` });
        // The rest of what is longer than the screen, a screen at a time.
        const pages = await page.locator('.admin-page').evaluate((all) => Math.min(5, Math.ceil(all.scrollHeight / (all.clientHeight - 80))));
        for (let at = 1; at < pages && process.env.LONG; at++) {
          await page.locator('.admin-page').evaluate((all, at) => all.scrollTo(0, at * (all.clientHeight - 80)), at);
          await page.waitForTimeout(name === 'trigger' ? 1_000 : 150);
          await page.screenshot({ path: `${shots}/${look}-admin-${name}-${at}.png` });
        }
        if (name === 'supervision') {
          await page.getByRole('button', { expanded: false }).filter({ hasText: /Why|Pourquoi/ }).first().click();
          await page.locator('.trace li').first().waitFor();
          await page.locator('.trace').scrollIntoViewIfNeeded();
          await page.screenshot({ path: `${shots}/${look}-admin-trace.png` });
        }
        if (name === 'new-source') {
          for (const [at, type] of ['chat', 'facebook', 'messenger', 'youtube', 'twtr', 'sdk'].entries()) {
            await page.locator(`.place:has(input[value=${type}])`).click();
            await page.locator('.form-foot').scrollIntoViewIfNeeded();
            await page.screenshot({ path: `${shots}/${look}-admin-new-source-${at + 1}-${type}.png` });
          }
        }
      }
      if (!wanted || wanted.includes('account')) {
        await page.goto(`${origin}/account`);
        await page.locator('.signatures').waitFor();
        await page.waitForTimeout(400);
        await page.screenshot({ path: `${shots}/${look}-account.png`, fullPage: true });
        await page.locator('.signatures').scrollIntoViewIfNeeded();
        await page.screenshot({ path: `${shots}/${look}-account-2.png` });
      }
    }, 240_000);
  }
});
