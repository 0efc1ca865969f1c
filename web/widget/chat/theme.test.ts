import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const properties = (text: string) => Object.fromEntries([...text.matchAll(/--([\w-]+): ([^;]+);/g)].map(([, name, value]) => [name!, value!]));
const css = ['chat.css', 'conversation.css', 'composer.css', 'list.css'].map(read).join('');
const dark = css.indexOf('@media (prefers-color-scheme: dark)');
const light = properties(css.slice(0, dark));

// The published table, in its order, with the one name that it spells in two ways.
const PUBLISHED = `gray900 gray800 gray700 gray400 gray300 gray200 gray100 gray50 highlight-color background-color
highlight-text-color text-color secondary-text-color placeholder-color error-color global-notification-color
end-conversation-option-color leave-conversation-color status-color thread-closure-color send-icon-color
bubble-icon-color header-color header-text-color header-icon-color message-background-color message-text-color
message-self-background-color message-self-text-color cobrowsing-status-color cobrowsing-status-button-bg-color
webview-header-background-color webview-header-text-color`.split(/\s+/);

test('every published variable may be used and changed', () => {
  expect(PUBLISHED).toHaveLength(33);
  const before = [...read('theme/before.scss').matchAll(/^\$([\w-]+):/gm)].map(([, name]) => name);
  expect(before).toEqual([...PUBLISHED, 'higlight-color']);
  const after = [...read('theme/after.scss').matchAll(/^ {2}@if \$([\w-]+) != .* \{ --\1: #\{\$\1\}; \}$/gm)].map(([, name]) => name);
  expect(after).toEqual(PUBLISHED);
  // Cobrowsing has no window here yet.
  const used = PUBLISHED.filter((name) => !name.startsWith('cobrowsing'));
  expect(used.filter((name) => !(name in light) || !css.includes(`var(--${name})`))).toEqual([]);
});

test('who chooses the ground of the window gets the light colours for all that the dark would change', () => {
  const block = css.slice(dark, css.indexOf('* {', dark));
  const own = properties(read('theme/after.scss').split('@if $own')[1]!.split('\n}\n')[0]!);
  for (const name of Object.keys(properties(block))) expect(own[name], name).toBe(light[name]);
});
