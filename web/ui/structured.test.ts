import { expect, test } from 'vitest';
import { safeUrl } from './structured.ts';

test.each([
  ['https://shop.example/a?b#c', true],
  ['http://shop.example', true],
  ['github://github.com/ringcentral', true],
  ['mailto:a@b.example', true],
  ['tel:+33623456789', true],
  ['javascript:alert(1)', false],
  [' JavaScript:alert(1)', false],
  ['java\nscript:alert(1)', false],
  ['data:text/html,x', false],
  ['vbscript:x', false],
  ['blob:https://a/b', false],
  ['/relative', false],
  ['', false],
  [null, false],
])('%j may be followed: %s', (url, safe) => expect(!!safeUrl(url)).toBe(safe));
