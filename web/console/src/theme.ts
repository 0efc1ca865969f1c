// Light, dark, or as the system has it; remembered in this browser.

import { local } from './storage.ts';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'frontdesk.theme';

export function theme(): Theme {
  const kept = local.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function wear(wanted: Theme): void {
  if (wanted === 'system') local.removeItem(KEY);
  else local.setItem(KEY, wanted);
  document.documentElement.dataset.theme = wanted;
}
