// Scripts stay text, strangers are not heard, and nobody else is asked anything.

import { expect, test } from 'vitest';
import { atTheEnd, browser, offer, OPEN, open, story, writes } from './cast.ts';
import { Visitor } from '../browser.ts';

open();

const EVIL = `<img src=x onerror="parent.hit=1;top.hit=1;hit=1"><script>hit=1</script>`;

test('names, texts, translations, file names, cards: whatever they hold stays text', async () => {
  const { desk, source, site, alicia, comes } = await story({
    settings: { welcome_messages: [EVIL], translations: { en: { default_title: EVIL, typing: `${EVIL} %{screenname}`, threads_listing_empty: EVIL } } },
  });
  await desk.signs(source, '0123456789abcdef01234567', 'reject');
  const identity = { uuid: 'mallory', screenname: EVIL, firstname: EVIL, lastname: EVIL, avatar_url: 'javascript:top.hit=1', extra_values: { note: EVIL } };
  site.pages['/'] = {
    title: '&lt;script&gt;hit=1&lt;/script&gt;',
    head: `<script>
      _chatq.push(['_setIdentity', ${JSON.stringify(identity).replaceAll('<', '\\u003c')}]);
      _chatq.push(['_fillCustomVariable', 'custom_x', ${JSON.stringify(EVIL).replaceAll('<', '\\u003c')}]);
      _chatq.push(['_addTranslations', JSON.parse('{"__proto__":{"polluted":1},"en":{"__proto__":{"polluted":1}}}')]);
    </script>`,
  };
  const { page, chat, visitor } = await comes();
  await chat.getByRole('heading', { name: EVIL }).waitFor();
  await chat.locator('.theirs').getByText(EVIL).waitFor();
  await writes(chat, EVIL);
  await chat.locator('.own .bubble').getByText(EVIL).waitFor();
  const question = (await expect.poll(() => alicia.contents()).toHaveLength(1), (await alicia.contents())[0]!);
  await chat.locator('input[type=file]').setInputFiles({ name: `${EVIL.replaceAll('/', '')}.png`, mimeType: 'image/png', buffer: Buffer.from('<svg onload="hit=1">') });
  await chat.locator('.own .picture').waitFor();
  await alicia.types(question.thread_id);
  await chat.locator('.typing').getByText(EVIL).waitFor();
  await alicia.answers(question, EVIL);
  const card = { title: EVIL.slice(0, 80), subtitle: EVIL, url: 'https://shop.example/"><script>hit=1</script>' };
  await alicia.answers(question, '', { structured_content: { type: 'carousel', items: [{ ...card, items: [{ type: 'url', title: EVIL.slice(0, 80), url: 'https://shop.example' }] }] } });
  await expect(alicia.answers(question, '', { structured_content: { type: 'rich_link', title: 'x', url: 'javascript:top.hit=1' } })).rejects.toMatchObject({ status: 422 });
  await chat.locator('.fd-card').getByText(EVIL.slice(0, 80)).first().waitFor();
  await chat.getByRole('button', { name: 'Conversations' }).click();
  await chat.getByRole('navigation').getByRole('listitem').waitFor();
  for (const frame of page.frames()) {
    expect(await frame.evaluate(() => 'hit' in window || 'polluted' in {})).toBe(false);
    expect(await frame.locator('[onerror], [onload], a[href^="javascript" i]').count()).toBe(0);
  }
  expect(visitor.errors).toEqual([]);
});

test('sites that may not use the chat: no frame, no session, no socket, no word', async () => {
  const { desk, source, site, comes } = await story();
  for (const allowed of [site.url, site.url.replace('shop.', '*.')]) {
    await desk.put(`/content_sources/${source.id}/messaging`, { allowed_sites: [allowed] });
    const { page: good } = await comes();
    await good.locator('#dimelo_chat_window.ready').waitFor();
  }
  await desk.put(`/content_sources/${source.id}/messaging`, { allowed_sites: ['https://shop.example'] });
  const visitor = await Visitor.come(browser);
  atTheEnd(() => visitor.leave());
  await offer(visitor, OPEN);
  const page = await visitor.open(site.url);
  // Whoever builds the page is told, and nothing is offered that would lead nowhere.
  await expect.poll(() => visitor.complaints.join()).toContain("none of the source's allowed_sites");
  expect(await page.evaluate(() => 'Dimelo' in window)).toBe(false);
  // Whoever makes the frame by themselves sees nothing in it.
  await page.evaluate((src) => document.body.append(Object.assign(document.createElement('iframe'), { src })), `${desk.url}/chat/${source.token}/window`);
  await expect.poll(() => visitor.complaints.join()).toContain('frame-ancestors');
  // A page of a foreign site that has learnt a session and knows the protocol.
  const tries = await page.evaluate(async (chat) => {
    const plain = async (path: string, init: RequestInit) => {
      try {
        return (await fetch(chat + path, init)).status;
      } catch {
        return 'refused by the browser';
      }
    };
    const socket = new Promise((done) => {
      const opened = new WebSocket(`${chat.replace('http', 'ws')}stream`, ['frontdesk', 'session.fds_0']);
      opened.onopen = () => done('open');
      opened.onclose = () => done('closed');
    });
    return [await plain('session', { method: 'POST', body: '{}', headers: { 'Content-Type': 'text/plain' } }), await plain('availability?trigger_ids=a', {}), await socket];
  }, `${desk.url}/chat/${source.token}/`);
  expect(tries).toEqual(['refused by the browser', 'refused by the browser', 'closed']);
});

test('what others post is not heard, and nobody hears what the window posts', async () => {
  const { desk, site, alicia, comes } = await story();
  site.pages['/'] = { body: '<iframe id="other" src="/other"></iframe>' };
  site.pages['/other'] = { bare: true };
  const { page, chat } = await comes();
  await writes(chat, 'Hello');
  await alicia.finds('Hello');
  // From another frame of the page and from the page itself: to the window, and as if it were the window.
  for (const from of [page.mainFrame(), page.frames().find((frame) => frame.url().endsWith('/other'))!]) {
    await from.evaluate(() => {
      const window = top!.document.getElementById('dimelo_chat_window') as HTMLIFrameElement;
      const { port1, port2 } = new MessageChannel();
      (globalThis as unknown as { heard: unknown[] }).heard = [];
      port1.onmessage = ({ data }) => (globalThis as unknown as { heard: unknown[] }).heard.push(data);
      window.contentWindow!.postMessage('frontdesk:channel', '*', [port2]);
      for (const message of [{ type: 'closed' }, { frontdesk: 'close' }, 'frontdesk:hello', { type: 'start' }]) {
        window.contentWindow!.postMessage(message, '*');
        top!.postMessage(message, '*');
      }
    });
  }
  await writes(chat, 'Still here');
  await alicia.finds('Still here');
  for (const frame of page.frames().slice(0, 2)) {
    expect(await frame.evaluate(() => (globalThis as unknown as { heard?: unknown[] }).heard ?? [])).toEqual([]);
  }
  // The session is a secret of the window's: neither in an address nor in what the server logs.
  const visitor = page.context();
  expect(await visitor.cookies()).toEqual([]);
  expect(desk.said).not.toContain('fds_');
});

test('a flood slows its visitor, who loses nothing', async () => {
  const { alicia, comes } = await story();
  const { chat } = await comes();
  const other = await comes();
  for (let number = 0; number < 34; number++) await writes(chat, `${number}`);
  await writes(other.chat, 'Me too');
  await alicia.finds('Me too');
  await alicia.finds('29');
  await expect.poll(() => chat.locator('.message.sending').count()).toBeGreaterThan(0);
  expect(await chat.locator('.message.failed').count()).toBe(0);
  // One at a time, in their order, once there is room again: no more than was let in.
  const own = (await alicia.bodies()).filter((body) => body !== 'Me too');
  expect(own).toEqual(own.map((_, number) => `${number}`));
});
