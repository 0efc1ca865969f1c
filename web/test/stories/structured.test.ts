// Every structured message, as an agent sends it and a visitor uses it.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { field, open, story, writes } from './cast.ts';

open();

test('a select: chosen once, told with its payload; typed text may be off until then', async () => {
  const { alicia, comes } = await story();
  const { chat } = await comes();
  await writes(chat, 'I want a dress');
  const question = await alicia.finds('I want a dress');
  const items = [{ title: 'Red', payload: 'r' }, { title: 'Blue', payload: 'b' }];
  await alicia.answers(question, 'Which colour?', { structured_content: { type: 'select', items, center_items: true, disable_text_input: true } });
  await chat.getByText('Which colour?').waitFor();
  expect(await chat.locator('.fd-select.fd-center').count()).toBe(1);
  await expect.poll(() => field(chat).isDisabled()).toBe(true);
  await chat.getByRole('button', { name: 'Blue' }).click();
  const chosen = await alicia.finds('Blue');
  expect(chosen.structured_reply).toEqual({ payload: 'b' });
  await expect.poll(() => field(chat).isDisabled()).toBe(false);
  expect(await chat.getByRole('button', { name: 'Red' }).count()).toBe(0);
});

test('rich link, template and carousel: pictures, links, answers, a page above the conversation', async () => {
  const { site, desk, alicia, comes } = await story();
  const { visitor, page, chat } = await comes();
  await writes(chat, 'Show me');
  const question = await alicia.finds('Show me');
  const upload = async (name: string) => alicia.uploads(name, new Uint8Array(await readFile(new URL(`../files/${name}`, import.meta.url))), 'image/png');
  const shapes = () => chat.locator('.fd-image').evaluateAll((images) => images.map((image) => Math.round((image.clientWidth / image.clientHeight) * 10) / 10));
  await alicia.answers(question, '', {
    structured_content: { type: 'rich_link', title: 'Size guide', subtitle: 'All brands', url: 'https://shop.example/sizes', attachment_id: await upload('wide.png') },
  });
  const link = chat.getByRole('link', { name: /Size guide/ });
  await link.waitFor();
  expect(await link.getAttribute('href')).toBe('https://shop.example/sizes');
  expect(await link.getAttribute('target')).toBe('_blank');
  await chat.getByText('shop.example', { exact: true }).waitFor();
  await expect.poll(shapes).toEqual([1.7]);
  site.pages['/seats'] = {
    title: 'Choose a seat',
    bare: true,
    head: `<script>rcedWebviewSdkLoaded = (sdk) => { window.sdk = sdk; };</script>`,
    body: `<h1>Seats</h1><button onclick="sdk.close()">Done</button><script src="${desk.url}/webview/sdk.js"></script>`,
  };
  const webview = (webview_height: string) => ({ type: 'url', title: `Seats, ${webview_height}`, url: `${site.url}/seats`, target: 'webview', webview_height });
  await alicia.answers(question, '', {
    structured_content: {
      type: 'template',
      title: 'Your train',
      subtitle: 'Saturday, 8:12',
      attachment_id: await upload('square.png'),
      items: [webview('full'), webview('tall'), webview('compact'), { type: 'reply', title: 'Take it', payload: 'yes' }],
    },
  });
  for (const height of ['full', 'tall', 'compact']) {
    await chat.getByRole('link', { name: `Seats, ${height}` }).click();
    await chat.getByRole('dialog').waitFor();
    await page.frame('dimelo_chat_webview')!.getByRole('heading', { name: 'Seats' }).waitFor();
    expect(await chat.locator(`.webview.${height}`).count()).toBe(1);
    await chat.getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => chat.getByRole('dialog').count()).toBe(0);
  }
  await expect.poll(shapes).toEqual([1.7, 1]);
  await chat.getByRole('button', { name: 'Take it' }).click();
  expect((await alicia.finds('Take it')).structured_reply).toEqual({ payload: 'yes' });
  const pictures = [await upload('wide.png'), await upload('square.png')];
  await alicia.answers(question, '', {
    structured_content: {
      type: 'carousel',
      items: [0, 1].map((index) => ({
        title: `Dress ${index}`,
        subtitle: '58 €',
        attachment_id: pictures[index],
        items: [{ type: 'reply', title: `Dress ${index}, please`, payload: `d${index}` }, { type: 'url', title: 'Open in the app', url: 'shop://dress' }],
      })),
    },
  });
  await chat.getByRole('button', { name: 'Dress 1, please' }).waitFor();
  // All have the shape of the first.
  await expect.poll(shapes).toEqual([1.7, 1, 1.7, 1.7]);
  expect(await chat.getByRole('link', { name: 'Open in the app' }).first().getAttribute('href')).toBe('shop://dress');
  await chat.getByRole('button', { name: 'Dress 1, please' }).click();
  expect((await alicia.finds('Dress 1, please')).structured_reply).toEqual({ payload: 'd1' });
  expect(visitor.errors).toEqual([]);
  expect(visitor.complaints).toEqual([]);
});
