// Who the visitor is: signed by the site, or by somebody else; in the site's own frame, and embedded.

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { field, open, opened, story, writes } from './cast.ts';

open();

const KEY = '0123456789abcdef01234567';

const HOUR = 3600;
export function signed(payload: Record<string, unknown>, hours: number, key = KEY): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + hours * HOUR;
  const text = `${part({ typ: 'JWT', alg: 'HS256', kid: 'shop' })}.${part({ ...payload, exp })}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}
const VERA = { uuid: 'customer-1', firstname: 'Vera', lastname: 'Visitor' };
const says = (jwt: string) => `<script>_chatq.push(['_setSignedIdentity', ${JSON.stringify(jwt)}]);</script>`;

test('a signed customer takes along what they began, and finds it in another browser', async () => {
  const { desk, source, site, alicia, comes } = await story();
  await desk.signs(source, KEY);
  site.pages['/account'] = { body: says(signed(VERA, 2)) };
  const { visitor, page, chat } = await comes();
  await writes(chat, 'Before I signed in');
  await alicia.finds('Before I signed in');
  await page.goto(`${site.url}/account`);
  const inside = await opened(page);
  await inside.getByText('Before I signed in').waitFor();
  await writes(inside, 'And after');
  const after = await alicia.finds('And after');
  const author = await alicia.ask('GET', `/identities/${after.author_id}`);
  expect([author.uuid, author.firstname]).toEqual(['customer-1', 'Vera']);
  // Nothing of a signed person's session stays in the browser.
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain('fds_');
  const elsewhere = await comes({ path: '/account' });
  await elsewhere.chat.getByText('And after').waitFor();
  expect(visitor.errors).toEqual([]);
});

test('who signs in while the chat is open goes on as themselves', async () => {
  const { desk, source, alicia, comes } = await story();
  await desk.signs(source, KEY);
  const { page, chat } = await comes();
  await writes(chat, 'I am nobody yet');
  await alicia.finds('I am nobody yet');
  await page.evaluate((jwt) => void (window as unknown as { _chatq: unknown[] })._chatq.push(['_setSignedIdentity', jwt]), signed(VERA, 2));
  await expect.poll(async () => {
    const [content] = await alicia.contents();
    return (await alicia.ask('GET', `/identities/${content!.author_id}`)).uuid;
  }).toBe('customer-1');
  await chat.getByText('I am nobody yet').waitFor();
  await writes(chat, 'Now I am Vera');
  expect((await alicia.finds('Now I am Vera')).thread_id).toBe((await alicia.contents())[0]!.thread_id);
});

test('a signature that came too late lets the chat go on, without a reload of the page', async () => {
  const { desk, source, site, alicia, comes } = await story();
  await desk.signs(source, KEY);
  site.pages['/'] = { body: says(signed(VERA, -1)) };
  const { page, chat } = await comes();
  await chat.getByText('Please reload the page to continue the conversation.').waitFor();
  await page.evaluate((jwt) => void (window as unknown as { _chatq: unknown[] })._chatq.push(['_setSignedIdentity', jwt]), signed(VERA, 2));
  await writes(chat, 'Here I am');
  await alicia.finds('Here I am');
});

for (const [why, jwt, text] of [
  ['expired', () => signed(VERA, -1), 'Please reload the page to continue the conversation.'],
  ['forged', () => signed(VERA, 2, '0123456789abcdef01234568'), 'The chat cannot be opened here.'],
  ['foreign', () => signed({ name: 'nobody' }, 2), 'The chat cannot be opened here.'],
] as const) {
  test(`an identity that is ${why} is refused, and the window says so`, async () => {
    const { desk, source, site, alicia, comes } = await story();
    await desk.signs(source, KEY);
    site.pages['/'] = { body: says(jwt()) };
    const { visitor, chat } = await comes();
    await chat.getByRole('alert').getByText(text).waitFor();
    expect(await field(chat).count()).toBe(0);
    expect(await alicia.contents()).toEqual([]);
    // Whoever builds the site is told more.
    expect(visitor.complaints.join()).toMatch(/Frontdesk: .*(signed|jwt)/);
    expect(visitor.errors).toEqual([]);
  });
}

test('a frame of the site itself: signed, with variables; others get a refusal that reads well', async () => {
  const { desk, source, site, alicia, comes } = await story();
  await desk.signs(source, KEY);
  const frame = (jwt: string) => ({
    bare: true,
    body: `<iframe id="own" style="width:700px;height:500px" src="${desk.url}/chat/${source.token}/web?jwt_identity=${jwt}&custom_cart=3"></iframe>`,
  });
  site.pages['/mine'] = frame(signed(VERA, 2));
  site.pages['/late'] = frame(signed(VERA, -1));
  const { page, visitor } = await comes({ path: '/mine', shown: false });
  const chat = page.frameLocator('#own');
  await writes(chat, 'From a frame');
  const content = await alicia.finds('From a frame');
  expect((await alicia.ask('GET', `/content_threads/${content.thread_id}`)).extra_data.custom_cart).toBe('3');
  await alicia.answers(content, 'Good morning');
  await chat.getByRole('log').getByText('Good morning').waitFor();
  expect(visitor.sockets).toHaveLength(1);
  await page.goto(`${site.url}/late`);
  await page.frameLocator('#own').getByRole('alert').waitFor();
});

test('embedded: the list beside the conversation, in an element of the page', async () => {
  const { site, alicia, comes } = await story();
  site.pages['/'] = {
    head: `<script>_chatq.push(['_setConfiguration', { embedded: true, parentNodeId: 'place' }]);</script>`,
    body: '<div id="place" style="width:760px;height:500px"></div>',
  };
  const { page, visitor } = await comes({ shown: false });
  const chat = await opened(page);
  await chat.getByText('No conversations').waitFor();
  await writes(chat, 'Embedded');
  await alicia.answers(await alicia.finds('Embedded'), 'Here, too');
  await chat.getByRole('log').getByText('Here, too').waitFor();
  await chat.getByRole('navigation').getByText('Here, too').waitFor();
  const [inner, outer] = await Promise.all(['#dimelo_chat_window', '#place'].map((place) => page.locator(place).boundingBox()));
  expect(inner).toEqual(outer);
  await page.reload();
  await (await opened(page)).getByRole('log').getByText('Here, too').waitFor();
  expect(visitor.errors).toEqual([]);
});

test('embedded on a phone, the window is as high as its place, whatever the screen is', async () => {
  const { site, alicia, comes } = await story();
  site.pages['/'] = {
    head: `<script>_chatq.push(['_setConfiguration', { embedded: true, parentNodeId: 'place' }]);</script>`,
    body: '<h1>Help</h1><div id="place" style="height:480px"></div><p>Below</p>',
  };
  const { page } = await comes({ shown: false, viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const chat = await opened(page);
  await writes(chat, 'From a phone');
  await alicia.finds('From a phone');
  await page.evaluate(() => visualViewport!.dispatchEvent(new Event('resize')));
  const [inner, outer] = await Promise.all(['#dimelo_chat_window', '#place'].map((place) => page.locator(place).boundingBox()));
  expect(inner).toEqual(outer);
});
