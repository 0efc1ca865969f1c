// Every state of the window over the real server, as axe sees it: in Arabic, from right to left, in the light and in the
// dark, on a computer and on a phone.

import { expect, test } from 'vitest';
import { violations } from '../browser.ts';
import { open, opened, story } from './cast.ts';

open();

/** Not all of it: what is missing is in English. */
const ARABIC = {
  default_title: 'المتجر الأرجواني',
  input_placeholder: 'اكتب رسالتك هنا',
  control_back_title: 'المحادثات',
  control_new_title: 'محادثة جديدة',
  control_close_title: 'تصغير',
  control_quit_title: 'إنهاء',
  open_title: 'افتح المحادثة',
  you_colon: 'أنت: ',
  waiting_for_agent: 'في انتظار موظف',
  typing: '%{screenname} يكتب',
  welcome_messages: ['كيف يمكننا مساعدتك؟'],
};

type Json = Record<string, unknown>;

const stage = (type: 'mobile_messaging' | 'chat') =>
  story({ type, settings: { email_request: true, translations: { ar: ARABIC } as Json } });

for (const [where, options] of [
  ['on a computer', { viewport: { width: 1280, height: 800 } }],
  ['on a phone', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
] as const) {
  test(`Messaging, from right to left, ${where}`, async () => {
    const { site, alicia, comes } = await stage('mobile_messaging');
    site.pages['/'] = { lang: 'ar', dir: 'rtl', title: 'متجر', body: '<h1>متجر</h1>' };
    const { visitor, page, chat } = await comes(options);
    const inside = () => page.frames().find((frame) => frame.url().endsWith('/window'))!;
    const check = async (state: string) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        expect([state, colorScheme, await violations(inside())]).toEqual([state, colorScheme, []]);
      }
    };
    await chat.getByText('كيف يمكننا مساعدتك؟').waitFor();
    expect(await inside().evaluate(() => [document.documentElement.lang, document.documentElement.dir])).toEqual(['ar', 'rtl']);
    await check('welcome');
    const field = chat.getByRole('textbox', { name: ARABIC.input_placeholder });
    await field.fill('مرحبا');
    await field.press('Enter');
    const question = await alicia.finds('مرحبا');
    await chat.locator('.email input').waitFor();
    await check('asked for an address');
    const items = [{ title: 'أزرق', payload: 'b' }, { title: 'أحمر', payload: 'r' }];
    await alicia.answers(question, 'أي لون؟', { structured_content: { type: 'select', items } });
    await chat.locator('.fd-select').waitFor();
    await alicia.types(question.thread_id);
    await chat.locator('.typing').waitFor();
    await check('a choice, and somebody types');
    // What is the visitor's stands at the end of the line, which is on the left.
    const [own, theirs] = await Promise.all(['.own .bubble', '.theirs .bubble'].map(async (bubble) => (await chat.locator(bubble).last().boundingBox())!));
    expect(own!.x).toBeLessThan(theirs!.x);
    // Nothing is wider than the window.
    expect(await inside().evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await visitor.context.setOffline(true);
    await field.fill('هل أنت هناك؟');
    await field.press('Enter');
    await chat.locator('.banner').waitFor();
    await check('offline');
    await visitor.context.setOffline(false);
    await alicia.finds('هل أنت هناك؟');
    await chat.getByRole('button', { name: ARABIC.control_back_title }).click();
    await chat.getByRole('listitem').waitFor();
    await check('list');
    await chat.getByRole('listitem').getByRole('button').click();
    await chat.getByRole('button', { name: ARABIC.control_close_title }).click();
    await chat.getByRole('button', { name: ARABIC.open_title }).waitFor();
    await check('put away');
    expect(visitor.errors).toEqual([]);
  });
}

test('Live Chat, from right to left, to its end', async () => {
  const { site, alicia, comes } = await stage('chat');
  site.pages['/'] = { lang: 'ar', dir: 'rtl' };
  const { page } = await comes();
  const chat = await opened(page);
  const inside = page.frames().find((frame) => frame.url().endsWith('/window'))!;
  const check = async (state: string) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      expect([state, colorScheme, await violations(inside)]).toEqual([state, colorScheme, []]);
    }
  };
  const field = chat.getByRole('textbox', { name: ARABIC.input_placeholder });
  await field.fill('مرحبا');
  await field.press('Enter');
  const question = await alicia.finds('مرحبا');
  await chat.getByText(ARABIC.waiting_for_agent).waitFor();
  await check('waiting');
  const { intervention_id } = await alicia.answers(question, 'أهلا');
  await chat.getByText('أهلا').waitFor();
  await chat.getByRole('button', { name: ARABIC.control_quit_title }).click();
  await chat.getByRole('dialog').waitFor();
  await check('asked whether to quit');
  await chat.getByRole('button', { name: 'Cancel' }).click();
  await alicia.ask('PUT', `/interventions/${intervention_id}/close`);
  await chat.getByRole('button', { name: 'Print the conversation' }).waitFor();
  await check('the end');
  // On paper there is what was said, and nothing to press.
  await inside.evaluate(() => {
    window.print = () => {
      const shown = (selector: string) => [...document.querySelectorAll(selector)].filter((each) => getComputedStyle(each).display !== 'none').length;
      Object.assign(window, { printed: [document.querySelectorAll('.bubble').length, shown('.end')] });
    };
  });
  await chat.getByRole('button', { name: 'Print the conversation' }).click();
  await expect.poll(() => inside.evaluate(() => (window as unknown as { printed?: number[] }).printed)).toEqual([3, 0]);
  await chat.getByRole('button', { name: 'See the conversation' }).click();
  await page.emulateMedia({ media: 'print' });
  // The page itself leaves the chat out of what it prints.
  await page.locator('#dimelo_chat_window').evaluate((frame) => (frame as HTMLElement).style.setProperty('display', 'block', 'important'));
  expect(await chat.locator('.printed').isVisible()).toBe(true);
  for (const pressed of await chat.locator('button').all()) expect(await pressed.isVisible()).toBe(false);
  // Nor is it printed in the dark.
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  expect(await inside.evaluate(() => getComputedStyle(document.querySelector('.window')!).backgroundColor)).toBe('rgb(255, 255, 255)');
});
