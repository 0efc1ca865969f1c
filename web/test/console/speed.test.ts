// How quick the console is, by the browser's own clock, each against something bare in the same run. `bench/console` runs
// it; MINUTES is how long the live traffic lasts.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CDPSession, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { Desk, lines, open, sit, talk } from './cast.ts';

const THREADS = Number(process.env.THREADS ?? 10_000);
const MINUTES = Number(process.env.MINUTES ?? 60);
const MESSAGES_PER_SECOND = 20;
const CUSTOMERS = 200;
/** What the heap may have grown by when the traffic ends, over what it was after a fifth of the time. */
const GROWTH_MAX = 1.25;
/** Rounds of which the middle one counts. */
const ROUNDS = 5;

/** A telephone of the middle price range with a moderate connection. */
async function slow(page: Page): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 });
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  return session;
}

const middleOf = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

describe.skipIf(!process.env.MEASURE)('speed', () => {
  open();

  test('conversations change in a moment, and a long list scrolls', async () => {
    const desk = await Desk.opens();
    for (let from = 0; from < THREADS; from += 50) await Promise.all(Array.from({ length: 50 }, (_, index) => desk.says(`Customer ${from + index}`, `t${from + index}`, `Question ${from + index}`)));
    const { page } = await desk.sits(desk.server.token);
    await lines(page).first().waitFor();
    await page.waitForTimeout(1_500);

    // To one that was expected, as after resting on its line: frames until its words are there.
    await lines(page).nth(2).click();
    await talk(page).getByText(/^Question/).waitFor();
    await page.waitForTimeout(1_000);
    const cached = await page.evaluate(async () => {
      const frames: number[] = [];
      for (let turn = 0; turn < 10; turn++) {
        const before = document.querySelector('.talk-entries .text')?.textContent;
        dispatchEvent(new KeyboardEvent('keydown', { key: 'j' }));
        let count = 0;
        do {
          await new Promise(requestAnimationFrame);
          count++;
        } while ((document.querySelector('.talk-entries .text')?.textContent ?? before) === before && count < 300);
        frames.push(count);
        await new Promise((next) => setTimeout(next, 600));
      }
      return frames.sort((a, b) => a - b);
    });

    // To one that nobody expected, against its bare request.
    const fresh = await page.evaluate(async (token) => {
      const list = document.querySelector('.list-scroll')!;
      const ratios: number[] = [];
      for (let turn = 0; turn < 10; turn++) {
        list.scrollTo(0, 84 * 300 * (turn + 1));
        await new Promise((next) => setTimeout(next, 900));
        const lines = [...document.querySelectorAll<HTMLAnchorElement>('.lines a.line-words')];
        const link = lines[Math.floor(lines.length / 2)]!;
        const other = lines[Math.floor(lines.length / 2) + 2]!;
        const headers = { Authorization: `Bearer ${token}` };
        const ask = async (a: HTMLAnchorElement) => {
          const thread = new URL(a.href).pathname.split('/').at(-1);
          const q = encodeURIComponent(`thread:${thread}`);
          await (await fetch(`/1.0/contents?q=${q}&extended=true&limit=60`, { headers })).json();
        };
        const bareFrom = performance.now();
        await ask(other);
        const bare = performance.now() - bareFrom;
        const wanted = link.querySelector('.line-text')!.textContent!;
        const from = performance.now();
        link.click();
        const there = () => document.querySelector('.talk-entries .text')?.textContent === wanted;
        await new Promise<void>((done) => {
          const watch = new MutationObserver(() => there() && (watch.disconnect(), done()));
          watch.observe(document.body, { subtree: true, childList: true, characterData: true });
          if (there()) done();
        });
        ratios.push((performance.now() - from) / bare);
      }
      return ratios.sort((a, b) => a - b);
    }, desk.server.token);

    // Scrolling through all of it, against as many bare lines on a page of their own.
    const scroll = (selector: string) =>
      page.evaluate(async (place) => {
        const list = document.querySelector(place)!;
        list.scrollTo(0, 0);
        await new Promise((next) => setTimeout(next, 500));
        const gaps: number[] = [];
        let last = await new Promise<number>(requestAnimationFrame);
        for (let frame = 0; frame < 240; frame++) {
          list.scrollBy(0, 400);
          const now = await new Promise<number>(requestAnimationFrame);
          gaps.push(now - last);
          last = now;
        }
        return gaps.filter((gap) => gap > 25).length;
      }, selector);
    await page.keyboard.press('Escape');
    const ours = await scroll('.list-scroll');
    await page.evaluate((count) => {
      const bare = document.createElement('div');
      bare.id = 'bare';
      bare.style.cssText = 'position:fixed;inset:0;overflow:auto;background:white;z-index:99';
      bare.append(...Array.from({ length: count }, (_, index) => Object.assign(document.createElement('p'), { textContent: `Customer ${index}`, style: 'height:84px;margin:0' })));
      document.body.append(bare);
    }, THREADS);
    const bare = await scroll('#bare');

    const middle = (values: number[]) => values[Math.floor(values.length / 2)]!;
    console.log(`to an expected conversation: ${middle(cached)} frames (at most ${cached.at(-1)})`);
    console.log(`to an unexpected one: ${middle(fresh).toFixed(1)} times its bare request (at most ${fresh.at(-1)!.toFixed(1)})`);
    console.log(`late frames of 240 while scrolling ${THREADS} threads: ${ours}, of a bare list ${bare}`);
    expect(middle(cached)).toBeLessThanOrEqual(3);
  }, 300_000);

  test('it is there soon on a slow telephone', async () => {
    const desk = await Desk.opens('--demo');
    const { page } = await sit(desk.server.port, desk.server.token);
    await lines(page).first().waitFor();
    const session = await slow(page);
    let bytes = 0;
    session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
    /** Milliseconds from asking for the address until something of it is there and can be used. */
    const until = async (address: string, there: string): Promise<number> => {
      await page.goto(address, { waitUntil: 'commit' });
      return page.evaluate(async (selector) => {
        while (!document.querySelector(selector)) await new Promise(requestAnimationFrame);
        await new Promise((next) => setTimeout(next));
        return performance.now();
      }, there);
    };
    const ours: number[] = [];
    const bare: number[] = [];
    const address = `http://desk.localhost:${desk.server.port}/inbox/all`;
    await until(address, '.lines .line');
    await page.waitForTimeout(100);
    const load = bytes;
    // As many bytes, that nothing makes smaller on the way, and nothing to do.
    const script = `/*${randomBytes(load).toString('base64').slice(0, load)}*/document.body.append(document.createElement('main'))`;
    const other = createServer((request, response) => {
      if (request.url === '/script.js') return void response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><body><script src="/script.js"></script>');
    });
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    try {
      for (let round = 0; round < ROUNDS; round++) {
        ours.push(await until(address, '.lines .line'));
        bare.push(await until(`http://desk.localhost:${(other.address() as AddressInfo).port}/`, 'main'));
      }
    } finally {
      other.close();
    }
    const ratio = middleOf(ours) / middleOf(bare);
    console.log(`the inbox on a slow telephone: ${Math.round(middleOf(ours))} ms, a bare page of the same ${Math.round(load / 1024)} KiB: ${Math.round(middleOf(bare))} ms; ${ratio.toFixed(2)} times`);
    expect(ratio).toBeLessThanOrEqual(3);
  }, 300_000);

  test(
    'memory stays as it is while messages arrive',
    async () => {
      const desk = await Desk.opens();
      const { page } = await desk.sits(desk.server.token, { path: '/inbox/all' });
      await desk.says('Customer 0', 't0', 'The first message');
      await lines(page).first().click();
      await talk(page).getByText('The first message').waitFor();
      const session = await page.context().newCDPSession(page);
      const heap = async (): Promise<number> => {
        for (let turn = 0; turn < 2; turn++) await session.send('HeapProfiler.collectGarbage');
        return (await session.send('Runtime.getHeapUsage')).usedSize / 2 ** 20;
      };
      const begun = performance.now();
      const passed = () => (performance.now() - begun) / 60_000 / MINUTES;
      let sent = 0;
      let early: number | undefined;
      while (passed() < 1) {
        const customer = sent % CUSTOMERS;
        const behind = begun + (++sent * 1_000) / MESSAGES_PER_SECOND - performance.now();
        const said = desk.says(`Customer ${customer}`, `t${customer}`, `Message ${sent}`);
        if (behind > 0) await new Promise((next) => setTimeout(next, behind));
        await said;
        if (early === undefined && passed() >= 0.2) early = await heap();
      }
      const late = await heap();
      const rate = sent / ((performance.now() - begun) / 1_000);
      console.log(`heap after ${(MINUTES / 5).toFixed(1)} minutes: ${early!.toFixed(1)} MiB, after ${MINUTES}: ${late.toFixed(1)} MiB, with ${rate.toFixed(1)} messages/s`);
      expect(late / early!).toBeLessThanOrEqual(GROWTH_MAX);
    },
    (MINUTES + 3) * 60_000,
  );
});
