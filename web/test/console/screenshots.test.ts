// Pictures of every screen, to be looked at: SHOTS=dist/shots npx vitest run console/screenshots

import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterEach, beforeAll, describe, test } from 'vitest';
import { open as openStories, story, writes } from '../stories/cast.ts';
import { brings, Desk, lines, open, sit, talk } from './cast.ts';
import { fake } from './fake.ts';
import { post } from './post.ts';

const folder = process.env.SHOTS;

const LOOKS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  french: { colorScheme: 'light', locale: 'fr' },
  rtl: { colorScheme: 'light' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;

describe.skipIf(!folder)('pictures', () => {
  openStories();
  open();
  beforeAll(() => mkdir(folder!, { recursive: true }));
  let opened: { close: () => unknown }[] = [];
  afterEach(() => {
    for (const one of opened) one.close();
    opened = [];
  });

  for (const [look, options] of Object.entries(LOOKS)) {
    const shoot = async (page: Page, name: string) => {
      if (look === 'rtl') await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
      await page.waitForTimeout(900);
      await page.screenshot({ path: `${folder}/${look}-${name}.png` });
    };

    test(`the inbox, ${look}`, async () => {
      const desk = await Desk.opens('--demo');
      const { token } = desk.server;
      await desk.says('Clara Weber', 'letter', '<h2>Order 2207</h2><p>The <b>lid</b> does not close, see the picture:</p><img src="https://pictures.example/lid.png" width="300" height="160"><table><tr><th>Item</th><th>Number</th></tr><tr><td>Kettle, blue</td><td>2</td></tr></table><blockquote>On Tuesday you wrote that it would fit.</blockquote>', { format: 'html' });
      const { page } = await desk.sits(token, options);
      await lines(page).first().waitFor();
      await shoot(page, 'inbox');
      await page.goto(`${new URL(page.url()).origin}/inbox/all`);
      const thread = await desk.thread('order-1042');
      await page.goto(`${new URL(page.url()).origin}/inbox/all/${thread.id}`);
      await talk(page).getByText('a neighbour found the parcel').waitFor();
      await page.keyboard.press('e');
      await page.waitForTimeout(500);
      await page.keyboard.press('c');
      await page.keyboard.type('She is a regular: be generous.');
      await page.keyboard.press('Control+Enter');
      await page.waitForTimeout(800);
      await page.keyboard.press('Escape');
      await page.keyboard.press('r');
      await page.keyboard.type('Wonderful, thank you for telling us. Enjoy your tea!');
      await page.waitForTimeout(6500);
      await shoot(page, 'conversation');
      await page.keyboard.press('Escape');
      await page.keyboard.press('l');
      await shoot(page, 'categories');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      await shoot(page, 'palette');
      await page.keyboard.press('Escape');
      await page.keyboard.press('?');
      await shoot(page, 'help');
      await page.keyboard.press('Escape');
      await page.keyboard.press('r');
      await page.keyboard.press('Control+a');
      await page.keyboard.type('/');
      await page.getByRole('option').first().waitFor();
      await shoot(page, 'assistant');
      const letter = await desk.thread('letter');
      await page.goto(`${new URL(page.url()).origin}/inbox/all/${letter.id}`);
      await talk(page).locator('iframe').waitFor();
      await shoot(page, 'letter');
      await page.goto(`${new URL(page.url()).origin}/inbox/search?q=language:fr%20bouilloire`);
      await lines(page).first().waitFor();
      await shoot(page, 'search');
      await page.goto(`${new URL(page.url()).origin}/inbox/deferred`);
      await shoot(page, 'empty');
    }, 90_000);

    test(`writing and the customer, ${look}`, async () => {
      const french = look === 'french';
      const { desk: server, comes } = await story();
      const { chat } = await comes();
      await writes(chat, 'Hello! Which kettles do you have?');
      const { page } = await sit(server.port, server.token, options);
      await lines(page).first().waitFor();
      await lines(page).getByText('Which kettles').click();
      await talk(page).getByText('Which kettles').first().waitFor();
      await shoot(page, 'chat');
      await page.getByRole('button', { name: french ? 'Choix et cartes' : 'Choices and cards' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('radio', { name: french ? 'Carte' : 'Card', exact: true }).click();
      await dialog.getByLabel(french ? 'Titre' : 'Title').fill('Kettle Aurora, 1.5 l');
      await dialog.getByLabel(french ? 'Texte dessous' : 'Text below').fill('Keeps water warm for an hour');
      await dialog.getByRole('button', { name: french ? 'Ajouter un bouton' : 'Add a button' }).click();
      await dialog.getByRole('textbox', { name: french ? 'Bouton 1' : 'Button 1', exact: true }).fill('I take this one');
      await shoot(page, 'structured');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      if (look === 'phone') await page.getByRole('button', { name: 'Customer card' }).tap();
      await page.locator('.card header .icon-button').first().click();
      await page.getByRole('option').first().click();
      await dialog.waitFor();
      await shoot(page, 'customer');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await page.locator('.card header .icon-button').first().click();
      await page.getByRole('option').last().click();
      await dialog.waitFor();
      await shoot(page, 'merge');
    }, 60_000);

    test(`tasks, ${look}`, async () => {
      const desk = await Desk.opens('--demo');
      const { page } = await desk.sits(desk.server.token, options);
      await lines(page).first().waitFor();
      if (look === 'phone') {
        await page.getByRole('button', { name: 'Menu' }).tap();
        await page.waitForTimeout(400);
      }
      await page.locator('.presence .button').last().click();
      await page.locator('.popup [role=option]').first().click();
      await page.getByRole('alertdialog').waitFor();
      await page.keyboard.press('y');
      await page.locator('.presence li').first().waitFor();
      await page.getByRole('alertdialog').waitFor();
      await shoot(page, 'tasks');
      if (look === 'phone') {
        await page.locator('.veil').click({ position: { x: 370, y: 400 } });
        await shoot(page, 'ring');
      }
    }, 60_000);

    test(`dialogs, ${look}`, async () => {
      const desk = await Desk.opens();
      const { server } = desk;
      const root = await server.post('/categories', { name: 'Outcome', unselectable: true, mandatory: true, post_qualification: true });
      for (const name of ['Solved', 'Refunded', 'Lost']) await server.post('/categories', { name, parent_id: root.id });
      await desk.says('Vera Visitor', 'a', 'Where is my kettle? I ordered it last week, and nobody has written since.');
      await desk.says('V. Visitor', 'b', 'The blue kettle, order 2207');
      await desk.says('نورة', 'c', 'مرحبا، أين الغلاية التي طلبتها الأسبوع الماضي؟');
      const ben = await desk.hires('Ben', 'read');
      const thread = await desk.thread('a');
      const { page } = await desk.sits(server.token, { ...options, path: '/inbox/all' });
      await lines(page).first().waitFor();
      await page.keyboard.press('w');
      const dialog = page.getByRole('dialog');
      await dialog.locator('textarea').fill('Your kettle has arrived here.');
      await brings(dialog.locator('textarea'), 'paste', 'delivery-note.pdf');
      await brings(dialog.locator('textarea'), 'drop', 'terms-and-conditions-of-our-shop.pdf');
      await dialog.locator('.chip').nth(1).waitFor();
      await shoot(page, 'begin');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      if (look !== 'phone') {
        for (const box of await page.getByRole('checkbox').all()) await box.check();
        await shoot(page, 'bulk');
      }
      await page.goto(`${server.url}/inbox/all/${thread.id}`);
      await talk(page).getByText('Where is my kettle?').waitFor();
      await page.keyboard.press('e');
      await page.locator('.resolve').waitFor();
      const message = page.getByRole('article').filter({ hasText: 'Where is my kettle?' }).last();
      await message.hover();
      await message.locator('.message-menu button').click();
      await shoot(page, 'message-menu');
      await page.keyboard.press('Escape');
      await page.keyboard.press('d');
      await page.getByRole('option').first().waitFor();
      await shoot(page, 'defer');
      await page.keyboard.press('Escape');
      await page.locator('.actions .icon-button').last().click();
      await page.getByRole('option').first().waitFor();
      await shoot(page, 'more');
      await page.keyboard.press('Escape');
      await page.locator('.composer textarea').fill('It leaves today.');
      await brings(page.locator('.composer textarea'), 'paste', 'bill.pdf');
      await page.locator('.composer .chip-name').waitFor();
      await page.locator('.composer textarea').press('Control+Shift+Enter');
      await page.getByRole('option').first().waitFor();
      await shoot(page, 'ending');
      await page.keyboard.press('Escape');
      if (look === 'phone') await page.getByRole('button', { name: 'Customer card' }).tap();
      await page.locator('.card header .icon-button').first().click();
      await page.getByRole('option').nth(1).click();
      await dialog.locator('input').fill('order 2207');
      await page.keyboard.press('Enter');
      await dialog.locator('.option').first().click();
      await dialog.locator('.side').nth(1).waitFor();
      await shoot(page, 'merge-preview');
      await page.keyboard.press('Escape');
      await page.goto(`${server.url}/inbox/all/${(await desk.thread('c')).id}`);
      await talk(page).getByText('الغلاية').waitFor();
      await page.locator('.composer textarea').fill('شكرا، إنها في الطريق.');
      await shoot(page, 'arabic');
      const { page: his } = await desk.sits(ben.token, { ...options, path: `/inbox/all/${thread.id}` });
      await his.locator('.hindrance').waitFor();
      await shoot(his, 'reads-only');
    }, 120_000);

    test(`a review, ${look}`, async () => {
      const { url, flags } = await fake(opened, 'facebook');
      const desk = await Desk.opens(...flags);
      const community = await desk.server.post('/communities', { type: 'facebook', name: 'Guests' });
      const source = await desk.server.post('/content_sources', { type: 'facebook', name: 'Our page', community_id: community.id, active: true, facebook_page_id: '100079', facebook_app_id: '77', facebook_app_secret: 'secret-100079', facebook_page_token: 'page-100079' });
      const asks = (method: string, path: string, body: unknown) => fetch(`${url}/_fake/pages/100079${path}`, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
      await asks('PUT', '', { callback: `http://127.0.0.1:${desk.server.port}/channels/facebook/${source.id}`, secret: 'secret-100079', app_id: '77' });
      const value = { item: 'rating', verb: 'add', reviewer_id: 901, reviewer_name: 'Rita', review_text: 'Fine kettles, and they come in time', open_graph_story_id: '78', rating: 4 };
      await asks('POST', '/events', { bodies: [{ object: 'page', entry: [{ id: '100079', time: 1, changes: [{ field: 'ratings', value }] }] }] });
      const { page } = await desk.sits(desk.server.token, { ...options, path: '/inbox/all' });
      await lines(page).getByText('Rita').click();
      await talk(page).locator('.stars').waitFor();
      await shoot(page, 'review');
    }, 60_000);

    test(`doors, ${look}`, async () => {
      const { url, mail } = await post(opened);
      const desk = await Desk.opens('--smtp-url', url, '--mail-from', 'desk@desk.example');
      const { server } = desk;
      const role = (await server.get('/roles')).records.find(({ label }: { label: string }) => label === 'Agent');
      await server.post('/users/invite', { email: 'nora@desk.example', firstname: 'Nora', lastname: 'New', role_id: role.id });
      const link = new URL(/http:\/\/\S+\/password#\w+/.exec(await mail('/password#'))![0]);
      const { page: door } = await desk.sits('', { ...options, path: link.pathname + link.hash });
      await door.locator('#password').fill('short');
      await door.locator('button').click();
      await door.locator('#status:not(:empty)').waitFor();
      await shoot(door, 'password');
      const { page } = await desk.sits('', options);
      await page.locator('input[name=password]').waitFor();
      await shoot(page, 'sign-in');
      await page.locator('input[name=email]').fill('nora@desk.example');
      await page.locator('input[name=password]').fill('wrong');
      await page.keyboard.press('Enter');
      await page.locator('#problem:not(:empty)').waitFor();
      await shoot(page, 'sign-in-refused');
      await page.locator('.hint').first().click();
      await shoot(page, 'forgotten');
      await server.put('/settings', { second_factor_required: true });
      await page.goto(`${server.url}/login`);
      await page.locator('input[name=email]').fill('admin@frontdesk.local');
      await page.locator('input[name=password]').fill(server.password);
      await page.keyboard.press('Enter');
      await page.locator('.qr').waitFor();
      await page.locator('input[name=code]').fill('000000');
      await page.keyboard.press('Enter');
      await page.locator('#enrol-problem:not(:empty)').waitFor();
      await shoot(page, 'enrolment');
      const { page: own } = await desk.sits(server.token, { ...options, path: '/account' });
      await own.locator('.switches').waitFor();
      await shoot(own, 'account');
    }, 60_000);
  }
});
