import { expect, test, vi } from 'vitest';

vi.stubGlobal('addEventListener', () => {});
const { conflicts, edited, left } = await import('./edits.ts');

test('only what was changed is kept, and changing it back is no change', () => {
  const draft = { base: { id: '1', name: 'One', color: null }, edits: {} };
  const changed = edited(edited(draft, 'name', 'Two'), 'color', 3);
  expect(changed.edits).toEqual({ name: 'Two', color: 3 });
  expect(edited(edited(changed, 'name', 'One'), 'color', null).edits).toEqual({});
});

test('a secret that is kept is replaced, removed or left, and one that is not there can only be given', () => {
  const kept = { base: { id: '1', has_key: true }, edits: {} };
  expect(edited(kept, 'key', 'new').edits).toEqual({ key: 'new' });
  expect(edited(kept, 'key', '').edits).toEqual({ key: '' });
  expect(edited(edited(kept, 'key', ''), 'key', undefined).edits).toEqual({});
  expect(edited({ base: { id: '1', has_key: false }, edits: {} }, 'key', '').edits).toEqual({});
});

test('what somebody else has changed meanwhile is a conflict only where both changed, to something else', () => {
  const draft = { base: { id: '1', name: 'One', color: 1, 'holidays[]': [] }, edits: { name: 'Two', holidays: [{ name: 'X' }] } };
  expect(conflicts(draft, { id: '1', name: 'One', color: 5, 'holidays[]': [] })).toEqual([]);
  expect(conflicts(draft, { id: '1', name: 'Two', color: 1, 'holidays[]': [] })).toEqual([]);
  expect(conflicts(draft, { id: '1', name: 'Three', color: 1, 'holidays[]': [{ name: 'Y' }] })).toEqual(['name', 'holidays']);
});

test('what is typed while a form is being saved is a change of what was saved', () => {
  const sent = { base: { id: '1', name: 'One', color: 1, has_key: false }, edits: { name: 'Two', key: 'secret' } };
  expect(left(sent, sent).edits).toEqual({});
  const later = left(sent, { ...sent, edits: { ...sent.edits, name: 'Three', color: 2 } });
  expect(later).toEqual({ base: { id: '1', name: 'Two', color: 1, has_key: false, key: 'secret' }, edits: { name: 'Three', color: 2 } });
  // Back to what it was before the save is a change too; of a secret it is none.
  expect(left(sent, undefined).edits).toEqual({ name: 'One' });
});
