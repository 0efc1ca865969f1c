// Pictures of every screen, to be looked at: SHOTS=dist/shots npx vitest run console/screenshots

import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { beforeAll, describe, test } from 'vitest';
import { open as openStories, story, writes } from '../stories/cast.ts';
import { Desk, lines, open, sit, talk } from './cast.ts';

const folder = process.env.SHOTS;

const LOOKS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  french: { colorScheme: 'light', locale: 'fr' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;

describe.skipIf(!folder)('pictures', () => {
  openStories();
  open();
  beforeAll(() => mkdir(folder!, { recursive: true }));

  for (const [look, options] of Object.entries(LOOKS)) {
    const shoot = async (page: Page, name: string) => {
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

    test(`signing in, ${look}`, async () => {
      const desk = await Desk.opens();
      const { page } = await desk.sits('', options);
      await page.getByLabel(look === 'french' ? 'Mot de passe' : 'Password').waitFor();
      await shoot(page, 'sign-in');
    });
  }
});
