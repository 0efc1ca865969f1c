// A visitor of a website and an agent in the console, each in a browser, from greeting to closing.

import { expect, test } from 'vitest';
import { Visitor } from '../browser.ts';
import { field, open as openStories, opened, story, writes } from '../stories/cast.ts';
import { browser, Desk, lines, names, open, sit, talk } from './cast.ts';

openStories();
open();

test('a visitor is helped from greeting to closing: both see who types, choices and answers', async () => {
  const { desk, comes } = await story();
  const { chat } = await comes();
  const { page, agent } = await sit(desk.port, desk.token);
  await page.getByText('Nobody waits').waitFor();
  await writes(chat, 'Where is my kettle?');
  await lines(page).getByText('Where is my kettle?').click();
  await talk(page).getByText('Where is my kettle?').waitFor();
  // What the visitor is writing is seen while they write it.
  await field(chat).pressSequentially('It was blue');
  await talk(page).locator('.typing').getByText(/is typing/).waitFor();
  // And the other way round.
  await page.keyboard.press('r');
  await page.keyboard.type('I look');
  await chat.getByText(/is typing/).waitFor();
  await page.keyboard.type(' for it.');
  await page.keyboard.press('Control+Enter');
  await chat.getByText('I look for it.').waitFor({ timeout: 20_000 });
  await talk(page).locator('.ours:not([data-outgoing])').getByText('I look for it.').waitFor();
  // Choices are shown as the visitor sees them, and what they chose.
  const q = encodeURIComponent('order:created_at.asc');
  const { records } = await desk.get(`/contents?q=${q}`);
  const select = { type: 'select', items: [{ title: 'Blue', payload: 'blue' }, { title: 'Red', payload: 'red' }] };
  await desk.post('/contents', { in_reply_to_id: records[0].id, body: 'Which one?', structured_content: select });
  const shown = talk(page).locator('.structured');
  await expect.poll(() => shown.getByRole('button').allInnerTexts()).toEqual(['Blue', 'Red']);
  expect(await shown.getByRole('button', { name: 'Blue' }).isDisabled()).toBe(true);
  await chat.getByRole('button', { name: 'Blue' }).click();
  await talk(page).getByText('Chose: blue').waitFor();
  await page.getByRole('link', { name: /^Mine/ }).click();
  await lines(page).first().click();
  await talk(page).getByText('Chose: blue').waitFor();
  await page.keyboard.press('f');
  await expect.poll(() => names(page)).toEqual([]);
  const closed = async () => (await desk.get('/content_threads?extended=true')).records[0].intervention.closed_at;
  await expect.poll(async () => !!(await closed()), { timeout: 15_000 }).toBe(true);
  expect(agent.errors).toEqual([]);
  expect(agent.complaints).toEqual([]);
}, 60_000);

test('somebody in the demo shop is greeted and asks; the agent sees their page and cart, answers with what is kept ready, and closes', async () => {
  const desk = await Desk.opens('--demo');
  const vera = await Visitor.come(browser, { viewport: { width: 1280, height: 800 }, locale: 'en' });
  try {
    const shop = await vera.open(`${desk.server.url}/shop/kettles`);
    await shop.getByRole('link', { name: /Heron gooseneck/ }).click();
    await shop.getByRole('button', { name: 'Add to cart' }).click();
    await shop.getByText('It is in your cart.').waitFor();
    await shop.getByRole('button', { name: 'Chat with us' }).first().click();
    const chat = await opened(shop);
    await chat.getByText('Good day! Ask us about kettles, tea, or your order.').waitFor();

    const { page, agent } = await desk.sits(desk.server.token);
    await lines(page).first().waitFor();
    await writes(chat, 'How long does delivery take?');
    await lines(page).getByText('How long does delivery take?').click();
    await talk(page).getByText('How long does delivery take?').waitFor();
    await page.getByRole('complementary').getByText('Heron gooseneck').first().waitFor();
    await page.keyboard.press('r');
    await page.keyboard.type('/days');
    await page.getByRole('option', { name: /^\/days/ }).waitFor();
    await page.keyboard.press('Enter');
    const answer = await page.getByRole('textbox', { name: /^Reply to/ }).inputValue();
    expect(answer).not.toBe('/days');
    await page.keyboard.press('Control+Enter');
    await talk(page).locator('.ours:not([data-outgoing])').last().waitFor();
    await chat.getByText(answer.trim().split('\n')[0]!, { exact: false }).waitFor({ timeout: 20_000 });
    await writes(chat, 'Thank you, that is all.');
    await talk(page).getByText('Thank you, that is all.').waitFor();
    const q = encodeURIComponent('text:"that is all"');
    const closed = async () => {
      const [content] = (await desk.server.get(`/contents?q=${q}`)).records;
      return content?.intervention_id ? !!(await desk.server.get(`/interventions/${content.intervention_id}`)).closed_at : false;
    };
    expect(await closed()).toBe(false);
    await page.keyboard.press('Escape');
    await page.keyboard.press('f');
    // How it ended is asked where a category is for that.
    const options = page.getByRole('listbox');
    await options.or(page.getByRole('button', { name: /^Undo/ })).first().waitFor();
    if (await options.count()) {
      await page.keyboard.type('Solved');
      await page.keyboard.press('Enter');
    }
    await expect.poll(closed, { timeout: 15_000 }).toBe(true);
    expect([agent.errors, vera.errors]).toEqual([[], []]);
  } finally {
    await vera.leave();
  }
}, 60_000);

test('an agent stops a visitor from typing, and lets them again', async () => {
  const { desk, comes } = await story();
  const { chat } = await comes();
  const { page, agent } = await sit(desk.port, desk.token);
  await writes(chat, 'Where is my kettle?');
  await lines(page).getByText('Where is my kettle?').click();
  await talk(page).getByText('Where is my kettle?').waitFor();
  const does = async (what: string) => {
    await talk(page).getByRole('button', { name: 'More' }).click();
    await page.getByRole('option', { name: what }).click();
  };
  await does('Stop the customer from typing');
  await expect.poll(() => field(chat).isEnabled().catch(() => false)).toBe(false);
  await does('Let the customer type');
  await expect.poll(() => field(chat).isEnabled().catch(() => false)).toBe(true);
  await writes(chat, 'Thank you');
  await talk(page).getByText('Thank you').waitFor();
  expect(agent.errors).toEqual([]);
});
