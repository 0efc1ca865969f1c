// What the page itself says: its address and title, and custom variables that are filled in by looking at it.

import { complain } from './events.ts';
import { coerce } from '../targeting/operators.ts';
import type { CustomVariable, Values } from '../targeting/types.ts';

/** After a change of the page, time to let others follow before looking at it. */
const SETTLE_MS = 200;

/** The value of a form's field, or the text of an element; not defined when it is not there. */
function read(selector: string): string | undefined {
  const element = document.querySelector(selector);
  if (!element) return undefined;
  const { type, checked, value } = element as HTMLInputElement;
  if (type === 'checkbox' || type === 'radio') return String(checked);
  // Nobody's password is anybody's criterion.
  if (type === 'password') return undefined;
  if (typeof value === 'string') return value;
  return element.getAttribute('content') ?? element.textContent ?? '';
}

/** Variables that are to be found in the page, as they are now. */
export function found(variables: readonly CustomVariable[]): Values {
  const values: Values = {};
  for (const { name, type, selector } of variables) {
    if (!selector) continue;
    try {
      values[name] = coerce(type, read(selector));
    } catch {
      complain('bad selector:', name, selector);
    }
  }
  return values;
}

/**
 * Calls when elements come, go or change, and when somebody types; never more often than pages settle. Where nothing
 * depends on the page's elements, nothing looks at them.
 */
export function watch(elements: boolean, changed: () => void): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      changed();
    }, SETTLE_MS);
  };
  addEventListener('hashchange', soon);
  if (!elements) return;
  new MutationObserver(soon).observe(document, { childList: true, subtree: true, characterData: true });
  for (const event of ['input', 'change']) addEventListener(event, soon, true);
}
