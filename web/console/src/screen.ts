// What the account wants of everybody's screens.

import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { get } from './api/client.ts';

export interface Screen {
  enable_auto_scroll_down: boolean;
  fold_useless_contents: boolean;
  rtl_support: boolean;
  spellchecking: boolean;
  /** Seconds that a customer may wait under a task before it is urgent; 0: none is. */
  urgent_task_threshold: number;
  use_system_font: boolean;
}

/** Of a server that does not tell. */
const FALLBACK: Screen = { enable_auto_scroll_down: true, fold_useless_contents: false, rtl_support: false, spellchecking: true, urgent_task_threshold: 0, use_system_font: false };

/** Nothing until it is known. */
export function useScreen(): Screen | undefined {
  const { data, isError } = useQuery({ queryKey: ['screen'], queryFn: ({ signal }) => get<Screen>('/settings/screen', {}, signal) });
  return data ?? (isError ? FALLBACK : undefined);
}

/** Draws everything in the font that is wanted. */
export function useFont(): void {
  const system = useScreen()?.use_system_font;
  useEffect(() => {
    if (system) document.documentElement.dataset.font = 'system';
    else delete document.documentElement.dataset.font;
  }, [system]);
}

const FROM_THE_RIGHT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi']);

/** From which side a text is read: by its language where the account wants that and it is known, by its first letter otherwise. */
export const directionOf = (language: string | null | undefined, screen: Screen | undefined): 'rtl' | 'auto' =>
  screen?.rtl_support && language && FROM_THE_RIGHT.has(language.split('-')[0]!.toLowerCase()) ? 'rtl' : 'auto';

/** Whether a customer has waited under a task for too long. */
export function useUrgent(): (since: string | null | undefined, now: number) => boolean {
  const seconds = useScreen()?.urgent_task_threshold ?? 0;
  return (since, now) => seconds > 0 && !!since && now - Date.parse(since) > seconds * 1_000;
}
