// Suggestions above a field for the word before the caret: arrows move, Enter or Tab takes one, Escape leaves it as it is.

import { type KeyboardEvent, type ReactNode, type RefObject, useState } from 'react';

export interface Suggestion {
  id: string;
  label: string;
  detail?: string | undefined;
  before?: ReactNode;
  /** What takes the place of the word. */
  text: string;
  /** The same where it has form. */
  html?: string | null;
}

interface Given {
  /** Its id on the page, and its name to who hears it. */
  id: string;
  label: string;
  field: RefObject<HTMLTextAreaElement | null>;
  text: string;
  write: (text: string) => void;
  /** What is begun before the caret, the mark before it included; none: nothing is suggested. */
  begun: string | undefined;
  found: Suggestion[];
  taken?: (id: string) => void;
  /** How it is put where words have form: in place of so many characters before the caret. */
  insert?: ((instead: number, one: Suggestion) => void) | undefined;
}

export interface Completion {
  list: ReactNode;
  /** True: the key was for it. */
  key: (event: KeyboardEvent) => boolean;
  props: object;
}

/** What stands before the caret and matches. */
export function before(field: RefObject<HTMLTextAreaElement | null>, text: string, pattern: RegExp): string | undefined {
  const element: HTMLElement | null = field.current;
  if (!element) return pattern.exec(text)?.[1];
  if (element instanceof HTMLTextAreaElement) return pattern.exec(text.slice(0, element.selectionStart))?.[1];
  const { focusNode, focusOffset } = getSelection() ?? {};
  return focusNode instanceof Text && element.contains(focusNode) ? pattern.exec(focusNode.data.slice(0, focusOffset))?.[1] : undefined;
}

/** The text with `put` from one place to another. The field has it at once and its caret behind it, so that what is typed next
    follows, however late the page draws. */
export function replaced(field: HTMLTextAreaElement | null, text: string, from: number, to: number, put: string): string {
  const now = text.slice(0, from) + put + text.slice(to);
  if (field) {
    field.value = now;
    field.setSelectionRange(from + put.length, from + put.length);
  }
  return now;
}

export function useCompletion({ id, label, field, text, write, begun, found, taken, insert }: Given): Completion {
  const [at, setAt] = useState(0);
  const [closed, close] = useState('');
  const shown = begun !== undefined && closed !== text ? found : [];
  const active = Math.min(at, shown.length - 1);
  const pick = (one: Suggestion | undefined) => {
    if (!one || begun === undefined) return;
    if (insert) insert(begun.length, one);
    else {
      const caret = field.current?.selectionStart ?? text.length;
      write(replaced(field.current, text, caret - begun.length, caret, one.text));
    }
    setAt(0);
    taken?.(one.id);
  };
  const key = (event: KeyboardEvent): boolean => {
    if (!shown.length) return false;
    if (event.key === 'ArrowDown') setAt((active + 1) % shown.length);
    else if (event.key === 'ArrowUp') setAt((active - 1 + shown.length) % shown.length);
    else if ((event.key === 'Enter' && !event.ctrlKey && !event.metaKey) || event.key === 'Tab') pick(shown[active]);
    else if (event.key === 'Escape') close(text);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const list = shown.length > 0 && (
    <div className="completion" role="listbox" id={id} aria-label={label}>
      {shown.map((one, index) => (
        <div key={one.id} id={`${id}-${index}`} role="option" aria-selected={index === active} data-active={index === active || undefined} className="option" onPointerDown={(event) => event.preventDefault()} onClick={() => pick(one)}>
          {one.before}
          <span className="option-label">{one.label}</span>
          {one.detail && <span className="option-detail">{one.detail}</span>}
        </div>
      ))}
    </div>
  );
  return { list, key, props: shown.length ? { 'aria-controls': id, 'aria-activedescendant': `${id}-${active}` } : {} };
}
