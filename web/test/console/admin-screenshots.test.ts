// Pictures of administration, to be looked at: SHOTS=dist/shots npx vitest run admin-screenshots

import { mkdir } from 'node:fs/promises';
import { beforeAll, describe, test } from 'vitest';
import { Desk, open } from './cast.ts';

const folder = process.env.SHOTS;

const LOOKS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  french: { colorScheme: 'light', locale: 'fr' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;

describe.skipIf(!folder)('pictures', () => {
  open();
  beforeAll(() => mkdir(folder!, { recursive: true }));

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
      const { page } = await desk.sits(desk.server.token, { ...options, path: '/admin' });
      const { origin } = new URL(page.url());
      const screens = { overview: '', sources: '/sources', 'new-source': '/sources/new', source: `/sources/${desk.source.id}`, users: '/users', user: `/users/${me}`, role: '/roles/new', categories: '/categories', answers: '/reply_entries', answer: `/reply_entries/${answer.id}`, 'new-category': '/categories/new', site: `/sources/${site}`, triggers: `/sources/${site}/triggers`, trigger: `/sources/${site}/triggers/${trigger.id}`, item: `/sources/${site}/catalog_items/${item}`, window: `/sources/${site}/messaging`, 'sign-on': '/single_sign_on', teams: '/teams', hours: '/time_sheets/new', settings: '/settings', journal: '/events', topology: `/topologies/${topology.id}`, supervision: '/supervision' };
      for (const [name, path] of Object.entries(screens)) {
        await page.goto(`${origin}/admin${path}`);
        await page.locator('main:not(:has([aria-busy])) :is(.form, .table, .empty, .overview, .tree)').first().waitFor();
        await page.waitForTimeout(300);
        await page.screenshot({ path: `${folder}/${look}-admin-${name}.png` });
        if (name !== 'trigger') continue;
        await page.locator('iframe.demo').scrollIntoViewIfNeeded();
        await page.waitForTimeout(1_000);
        await page.screenshot({ path: `${folder}/${look}-admin-demo.png` });
      }
    }, 90_000);
  }
});
