// Light, dark, or as the system has it; remembered in this browser.

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'frontdesk.theme';

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function wear(wanted: Theme): void {
  if (wanted === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, wanted);
  document.documentElement.dataset.theme = wanted;
}
