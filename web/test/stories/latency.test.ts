// How soon a visitor sees what an agent has written: MEASURE=1 npx vitest run stories/latency. Nothing is asserted of it: a
// busy machine proves nothing. `bench streams` measures the same without a browser, under load.

import { expect, test } from 'vitest';
import { open, story, writes } from './cast.ts';

open();

/** The API takes sixty a minute in one conversation. */
const MESSAGES = 50;

test.skipIf(!process.env.MEASURE)("from an agent's answer to the visitor's screen", async () => {
  const { alicia, comes } = await story();
  const { page, chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  const inside = page.frames().find((frame) => frame.url().endsWith('/window'))!;
  await inside.evaluate(() => {
    const seen: Record<string, number> = ((window as unknown as { seen: Record<string, number> }).seen = {});
    new MutationObserver(() => {
      // Drawn, not only there: the frame after the change.
      const text = [...document.querySelectorAll('.theirs .bubble')].at(-1)?.textContent ?? '';
      if (!(text in seen)) requestAnimationFrame(() => (seen[text] ??= performance.timeOrigin + performance.now()));
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  const sent: number[] = [];
  for (let number = 0; number < MESSAGES; number++) {
    sent.push(performance.timeOrigin + performance.now());
    await alicia.answers(question, `answer ${number}`);
    await chat.getByText(`answer ${number}`, { exact: true }).waitFor();
  }
  const seen = await inside.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
  const waits = sent.map((at, number) => seen[`answer ${number}`]! - at).sort((one, two) => one - two);
  expect(waits).toHaveLength(MESSAGES);
  const at = (share: number) => waits[Math.floor((MESSAGES - 1) * share)]!.toFixed(1);
  console.log(`from before the answer was sent to its frame: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, of ${MESSAGES}`);
}, 120_000);
