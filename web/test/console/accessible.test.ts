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

test('what is written from right to left is read so, and so is a screen that is turned round', async () => {
  const desk = await Desk.opens();
  await desk.says('נועה', 'a', 'שלום, איפה הקומקום שלי?');
  const thread = await desk.thread('a');
  await desk.server.post('/contents', { in_reply_to_id: thread.last_content.id, body: 'On its way.' });
  const { page } = await desk.sits(desk.server.token, { path: `/inbox/all/${thread.id}` });
  const theirs = talk(page).getByText('שלום, איפה הקומקום שלי?');
  const ours = talk(page).getByText('On its way.');
  await ours.waitFor();
  const direction = (of: typeof ours) => of.evaluate((element) => getComputedStyle(element).direction);
  expect([await direction(theirs), await direction(ours)]).toEqual(['rtl', 'ltr']);
  const field = page.getByRole('textbox', { name: /^Reply to/ });
  expect(await direction(field)).toBe('ltr');
  await field.fill('שלום');
  expect(await direction(field)).toBe('rtl');

  // In the list as well, and cut at its own end.
  await desk.says('נועה', 'a', 'שלום');
  await expect.poll(() => direction(page.locator('.line-text').first())).toBe('rtl');

  const middle = async (of: typeof ours) => {
    const box = (await of.boundingBox())!;
    return box.x + box.width / 2;
  };
  const parts = [page.getByRole('navigation', { name: 'Folders' }), lines(page).first(), talk(page), page.getByRole('complementary', { name: 'Customer' })];
  const places = () => Promise.all(parts.map(middle));
  const before = await places();
  expect(before).toEqual([...before].sort((a, b) => a - b));
  expect(await middle(theirs)).toBeLessThan(await middle(ours));
  await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
  const after = await places();
  expect(after).toEqual([...after].sort((a, b) => b - a));
  expect(await middle(theirs)).toBeGreaterThan(await middle(ours));
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  // What opens beside something opens within the screen, and reads the same way.
  await page.keyboard.press('Escape');
  await talk(page).getByRole('button', { name: 'More' }).click();
  const options = page.getByRole('listbox', { name: 'More' });
  await options.waitFor();
  const box = (await options.boundingBox())!;
  expect(box.x >= 0 && box.x + box.width <= page.viewportSize()!.width).toBe(true);
  expect(await direction(options)).toBe('rtl');
  expect(await violations(page.mainFrame())).toEqual([]);
});
