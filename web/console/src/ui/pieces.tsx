// Small pieces that every screen is made of.

import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import { t } from '../language/index.ts';
import { Icon, type IconName } from './icon.tsx';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'plain' | 'quiet' | 'main';
  icon?: IconName;
  /** Shown behind the name. */
  keys?: string;
  ref?: Ref<HTMLButtonElement>;
}

export const Button = ({ look = 'plain', icon, keys, className = '', children, ...more }: ButtonProps) => (
  <button type="button" className={`button ${look} ${className}`} {...more}>
    {icon && <Icon name={icon} />}
    {children != null && <span>{children}</span>}
    {keys && <kbd aria-hidden="true">{keys}</kbd>}
  </button>
);

/** A button that is only an icon; its name is for screen readers and, with its key, for the pointer that rests on it. */
export const IconButton = ({ icon, label, keys, className = '', ...more }: ButtonProps & { icon: IconName; label: string }) => (
  <button type="button" className={`icon-button ${className}`} aria-label={label} title={keys ? `${label} (${keys})` : label} {...more}>
    <Icon name={icon} />
  </button>
);

const HUES = [232, 262, 292, 322, 8, 38, 152, 178, 204];

/** The same name has the same colour everywhere. */
const hue = (name: string): number => {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return HUES[sum % HUES.length] ?? 232;
};

export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? '')][0] ?? '?';
  const last = words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + last).toLocaleUpperCase();
}

/** Somebody, as their initials: pictures of other sites would tell those that somebody looks. */
export const Avatar = ({ name, size = 'm' }: { name: string; size?: 's' | 'm' | 'l' }) => (
  <span className={`avatar ${size}`} style={{ '--hue': hue(name) } as React.CSSProperties} aria-hidden="true">
    {initials(name)}
  </span>
);

export const Empty = ({ title, lead, children }: { title: string; lead?: string; children?: ReactNode }) => (
  <div className="empty">
    <h2>{title}</h2>
    {lead && <p>{lead}</p>}
    {children}
  </div>
);

export const Failed = ({ message, again }: { message: string; again?: (() => void) | undefined }) => (
  <div className="failed" role="alert">
    <Icon name="alert" />
    <p>{message}</p>
    {again && <Button onClick={again}>{t('retry')}</Button>}
  </div>
);

export const Skeleton = ({ width = '100%' }: { width?: string }) => <span className="skeleton" style={{ width }} aria-hidden="true" />;
