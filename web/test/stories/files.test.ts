// Files, both ways, with what can go wrong.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { open, story, writes } from './cast.ts';

open();

const picture = () => readFile(new URL('../files/wide.png', import.meta.url));

test('a file is sent with progress, and looked at by both sides', async () => {
  const { alicia, comes, relay } = await story({ relayed: true });
  const { visitor, chat } = await comes();
  await writes(chat, 'Hello');
  const question = await alicia.finds('Hello');
  relay.slow = 20_000;
  const input = chat.locator('input[type=file]');
  await input.setInputFiles({ name: 'manual.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(3_000_000, '%PDF ') });
  const progress = chat.getByRole('progressbar', { name: 'manual.pdf' });
  await progress.waitFor();
  const part = () => progress.evaluate((element) => (element as HTMLProgressElement).value).catch(() => 1);
  await expect.poll(part).toBeGreaterThan(0.1);
  await chat.getByRole('link', { name: 'manual.pdf' }).waitFor({ timeout: 20_000 });
  expect(await progress.count()).toBe(0);
  relay.mend();
  await input.setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: await picture() });
  const shown = chat.getByRole('img', { name: 'photo.png' });
  await shown.waitFor();
  await expect.poll(() => shown.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
  const sent = await alicia.contents();
  expect(sent.flatMap(({ attachments }) => attachments.map((file: { filename: string }) => file.filename))).toEqual(['manual.pdf', 'photo.png']);
  const attachment_ids = [await alicia.uploads('answer.png', new Uint8Array(await picture()), 'image/png')];
  await alicia.answers(question, 'Like this?', { attachment_ids });
  await chat.getByText('Like this?').waitFor();
  await expect.poll(() => chat.locator('.theirs img').evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
  // Who stands at the end still does when pictures have come.
  const log = chat.getByRole('log');
  await expect.poll(() => log.evaluate(({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight)).toBeLessThan(2);
  expect(visitor.complaints).toEqual([]);
});

test('what is not taken is said, and sent to nobody', async () => {
  const { alicia, comes } = await story();
  const { visitor, chat } = await comes();
  await writes(chat, 'Hello');
  await alicia.finds('Hello');
  const input = chat.locator('input[type=file]');
  await input.setInputFiles([
    { name: 'virus.exe', mimeType: 'application/x-msdownload', buffer: Buffer.from('MZ') },
    { name: 'large.png', mimeType: 'image/png', buffer: Buffer.alloc(10 * 1024 * 1024) },
  ]);
  await chat.getByText('File type not allowed').waitFor();
  await chat.getByText('File is too large (maximum 10 MB)').waitFor();
  expect(visitor.requests.filter((url) => url.endsWith('/attachments'))).toEqual([]);
  // What the browser lets through, the server looks at.
  await input.setInputFiles({ name: 'empty.png', mimeType: 'image/png', buffer: Buffer.alloc(0) });
  await chat.getByText('Error while sending the file empty.png:').waitFor();
  for (const left of [2, 1, 0]) {
    await chat.getByRole('button', { name: 'Ok' }).first().click();
    await expect.poll(() => chat.locator('.upload').count()).toBe(left);
  }
  expect(await alicia.bodies()).toEqual(['Hello']);
});

test('a file that was on its way when the network failed arrives once', async () => {
  const { alicia, comes, relay } = await story({ relayed: true });
  const { chat } = await comes();
  await writes(chat, 'Hello');
  await alicia.finds('Hello');
  relay.slow = 20_000;
  await chat.locator('input[type=file]').setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer: Buffer.concat([await picture(), Buffer.alloc(2_000_000)]) });
  await chat.getByRole('progressbar').waitFor();
  relay.cut();
  await chat.getByText('You are offline').waitFor({ timeout: 20_000 });
  relay.mend();
  await chat.getByRole('img', { name: 'photo.png' }).waitFor({ timeout: 20_000 });
  expect((await alicia.contents()).map(({ attachments }) => attachments.length)).toEqual([0, 1]);
});
