// How quick the console is, by the browser's own clock, each against something bare in the same run:
// MEASURE=1 npx vitest run console/speed

import { describe, expect, test } from 'vitest';
import { Desk, lines, open, talk } from './cast.ts';

const THREADS = Number(process.env.THREADS ?? 10_000);

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
});
