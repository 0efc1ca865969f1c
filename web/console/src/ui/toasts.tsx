// What was done, for some seconds, with a way back where there is one.

import { useSyncExternalStore } from 'react';
import { Refusal } from '../api/client.ts';
import { t } from '../language/index.ts';
import { refusal } from '../language/refusals.ts';
import { isOut, onSession } from '../session.ts';
import { Button } from './pieces.tsx';

const SHOWN_MS = 6_000;
const SHOWN_MAX = 3;

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  undo: (() => void) | undefined;
  /** What can be done about it. */
  action: { label: string; act: () => void } | undefined;
}

let toasts: Toast[] = [];
let next = 0;
const listeners = new Set<() => void>();

function set(to: Toast[]): void {
  toasts = to;
  for (const listener of listeners) listener();
}

// What could be undone was somebody else's.
onSession(() => {
  if (isOut()) set([]);
});

export function dismiss(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

export function say(text: string, { undo, action, bad = false, ms = SHOWN_MS }: { undo?: () => void; action?: Toast['action']; bad?: boolean; ms?: number } = {}): number {
  const id = next++;
  set([...toasts, { id, text, bad, undo, action }]);
  setTimeout(() => dismiss(id), ms);
  return id;
}

/** What a failure means, in words. */
export const words = (trouble: unknown): string => (trouble instanceof Refusal ? refusal(trouble.code, trouble.message, trouble.errors) : t('unreachable'));

/** Says why something did not work. */
export const complain = (trouble: unknown): void => void say(words(trouble), { bad: true });

/** The undo of the latest thing that has one, for the keyboard. */
export function undoLatest(): void {
  const latest = toasts.findLast(({ undo }) => undo);
  latest?.undo?.();
  if (latest) dismiss(latest.id);
}

/** Of more than fit, those are left out first that undo nothing, then the oldest; the latest is always there. What is left out can
 * be undone as well, and is seen again when there is room. */
function fitting(all: Toast[]): Toast[] {
  const out = all
    .slice(0, -1)
    .sort((one, other) => Number(!!one.undo) - Number(!!other.undo))
    .slice(0, Math.max(0, all.length - SHOWN_MAX));
  return all.filter((toast) => !out.includes(toast));
}

export const Toasts = () => {
  const all = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {fitting(all).map(({ id, text, bad, undo, action }) => (
        <div key={id} className={bad ? 'toast bad' : 'toast'}>
          <span>{text}</span>
          {action && (
            <Button
              look="quiet"
              onClick={() => {
                action.act();
                dismiss(id);
              }}
            >
              {action.label}
            </Button>
          )}
          {undo && (
            <Button
              look="quiet"
              keys="Z"
              onClick={() => {
                undo();
                dismiss(id);
              }}
            >
              {t('undo')}
            </Button>
          )}
        </div>
      ))}
    </div>
  );
};
