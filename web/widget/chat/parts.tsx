// What several parts of the window are made of.

import type { Chat } from './chat.ts';
import type { Line } from './model.ts';

const ICONS = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 9l6 6 6-6',
  quit: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  smile: 'M12 21a9 9 0 100-18 9 9 0 000 18zM8.5 14.5s1.3 1.8 3.5 1.8 3.5-1.8 3.5-1.8M9 9.5v.01M15 9.5v.01',
  clip: 'M20 11.5l-8 8a5 5 0 01-7-7l8.5-8.5a3.3 3.3 0 014.7 4.7L9.7 17a1.7 1.7 0 01-2.4-2.4L14.5 7.5',
  send: 'M4 12l16-8-6 16-3-6z',
  bell: 'M6 9.5a6 6 0 0112 0c0 5 2 6.5 2 6.5H4s2-1.5 2-6.5M10 19.5a2.2 2.2 0 004 0',
  file: 'M13 3H7a2 2 0 00-2 2v14a2 2 0 002 2h10a2 2 0 002-2V9zM13 3v6h6',
};

export const Icon = ({ name }: { name: keyof typeof ICONS }) => (
  <svg viewBox="0 0 24 24" aria-hidden="true" class={`i-${name}`}>
    <path d={ICONS[name]} />
  </svg>
);

interface ControlOptions {
  icon: keyof typeof ICONS;
  label: string;
  pressed?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

export const Control = ({ icon, label, pressed, disabled, onClick }: ControlOptions) => (
  <button type="button" class="control" aria-label={label} aria-pressed={pressed} disabled={disabled} title={label} onClick={onClick}>
    <Icon name={icon} />
  </button>
);

export const face = (chat: Chat, line?: Line): string | null => line?.author?.avatar_url ?? chat.settings.avatar_url;

/** Where no avatar is configured, there is none. */
export function Avatar({ chat, line }: { chat: Chat; line?: Line }) {
  const url = face(chat, line);
  return url ? <img class="avatar" src={url} alt="" /> : null;
}
