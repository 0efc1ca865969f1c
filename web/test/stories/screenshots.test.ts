// Pictures for people to look at: SHOTS=/tmp/shots npx vitest run stories/screenshots. Without it, nothing is done here.

import { mkdir } from 'node:fs/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, test } from 'vitest';
import { Frontdesk } from '../frontdesk.ts';
import { Visitor } from '../browser.ts';
import { atTheEnd, browser, open } from './cast.ts';

const folder = process.env.SHOTS;

open();

const LOOKS: Record<string, BrowserContextOptions & { locale: string }> = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'en-GB' },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark', locale: 'en-GB' },
  french: { viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'fr-FR' },
  phone: { viewport: { width: 390, height: 780 }, colorScheme: 'light', locale: 'en-GB', deviceScaleFactor: 2, hasTouch: true, isMobile: true },
  'phone-dark': { viewport: { width: 390, height: 780 }, colorScheme: 'dark', locale: 'fr-FR', deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

describe.skipIf(!folder)('screenshots', () => {
  for (const [look, options] of Object.entries(LOOKS)) {
    test(`shop, ${look}`, async () => {
      await mkdir(folder!, { recursive: true });
      const desk = await Frontdesk.start('--demo');
      atTheEnd(() => desk.stop());
      const visitor = await Visitor.come(browser, options);
      atTheEnd(() => visitor.leave());
      const page: Page = await visitor.open(`${desk.url}/shop/`);
      const shoot = async (name: string) => {
        await page.waitForTimeout(500);
        await page.screenshot({ path: `${folder}/shop-${look}-${name}.png` });
      };
      await shoot('1-home');
      await page.goto(`${desk.url}/shop/kettles`);
      await shoot('2-kettles');
      await page.goto(`${desk.url}/shop/product/heron`);
      await page.locator('[data-add]').click();
      await shoot('3-product');
      await page.goto(`${desk.url}/shop/cart`);
      await shoot('4-cart');
      await page.goto(`${desk.url}/shop/checkout`);
      await shoot('5-checkout');
      await page.goto(`${desk.url}/shop/account`);
      await shoot('6-sign-in');
      await page.locator('button[value=vera]').click();
      await page.waitForURL('**/account');
      await shoot('7-account');
      await page.goto(`${desk.url}/shop/help`);
      await page.locator('#dimelo_chat_window.ready').waitFor();
      await shoot('8-help');
    }, 60_000);
  }
});
