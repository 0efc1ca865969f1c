// What axe finds on each screen, in the light and in the dark: nothing. And what a phone shows.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { Desk, lines, open, talk } from './cast.ts';

open();

for (const colorScheme of ['light', 'dark'] as const) {
  test(`every screen can be used by everybody, ${colorScheme}`, async () => {
    const desk = await Desk.opens('--demo');
    const check = async (page: import('playwright-core').Page, what: string) => {
      // Colours are measured at rest.
      await page.waitForTimeout(400);
      expect(await violations(page.mainFrame()), what).toEqual([]);
    };
    const { page: door } = await desk.sits('', { colorScheme });
    await door.getByLabel('Password').waitFor();
    await check(door, 'signing in');
    const { page } = await desk.sits(desk.server.token, { colorScheme });
    await lines(page).first().waitFor();
    await check(page, 'inbox');
    const thread = await desk.thread('order-1042');
    await page.goto(`${new URL(page.url()).origin}/inbox/all/${thread.id}`);
    await talk(page).getByText('a neighbour found the parcel').waitFor();
    await page.keyboard.press('e');
    await page.keyboard.press('c');
    await talk(page).getByRole('button', { name: 'Close', exact: true }).waitFor();
    await page.keyboard.press('c');
    await page.keyboard.type('A note');
    await page.keyboard.press('Control+Enter');
    await talk(page).locator('.note').waitFor();
    await check(page, 'conversation');
    await page.keyboard.press('Escape');
    await page.keyboard.press('a');
    await page.getByRole('listbox', { name: /^Assign/ }).waitFor();
    await check(page, 'options');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.getByRole('listbox', { name: 'Go to, or do' }).waitFor();
    await check(page, 'palette');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await check(page, 'keys');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    for (const [option, what] of [['Edit what is known', 'customer'], ['Merge with somebody', 'merging']] as const) {
      await page.getByRole('button', { name: 'What can be done with the customer' }).click();
      await page.getByRole('option', { name: option }).click();
      await page.getByRole('dialog', { name: option }).waitFor();
      await check(page, what);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    await page.goto(`${new URL(page.url()).origin}/inbox/search?q=language:en`);
    await page.getByRole('button', { name: /^Remove Language/ }).waitFor();
    await page.getByRole('checkbox').first().check();
    await check(page, 'search and selection');
  }, 90_000);
}

test('on a phone one thing is on the screen at a time, and nothing is cut off', async () => {
  const desk = await Desk.opens('--demo');
  const { page } = await desk.sits(desk.server.token, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await lines(page).first().waitFor();
  await page.getByRole('button', { name: 'Menu' }).tap();
  await page.getByRole('link', { name: /^Everything/ }).tap();
  await page.getByRole('heading', { name: 'Everything' }).waitFor();
  await lines(page).getByText('Thank you! Meanwhile').tap();
  await talk(page).getByText('a neighbour found the parcel').waitFor();
  expect(await lines(page).first().isVisible()).toBe(false);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.getByRole('button', { name: 'Back' }).tap();
  await lines(page).first().waitFor();
});
