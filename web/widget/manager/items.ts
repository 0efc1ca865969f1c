// Buttons and invitations of the catalogue, in the page's own document, with the published classes.

import { adopt } from './styles.ts';
import type { Mode } from './events.ts';
import type { Item } from '../protocol.ts';

const P = 'dimelo_chat_';
const ONLINE = `.${P}mode_online .${P}`;
const OFFLINE = `.${P}mode_offline .${P}`;

const CSS = `
#${P}items{position:fixed;inset-block-end:20px;inset-inline-end:20px;z-index:2147483000;display:flex;flex-direction:column-reverse;
align-items:flex-end;gap:16px;max-width:calc(100vw - 40px);pointer-events:none}
#${P}items>*{pointer-events:auto;animation:${P}in .24s cubic-bezier(.2,.7,.2,1)}
#${P}items.${P}behind{display:none}
${ONLINE}hide_when_online,${ONLINE}show_when_offline,
${OFFLINE}hide_when_offline,${OFFLINE}show_when_online{display:none!important}
.${P}item_action,.${P}item_dismiss{cursor:pointer}
.${P}mode_offline .${P}item_action{cursor:default}
@keyframes ${P}in{from{opacity:0;transform:translateY(8px)}}
@media (prefers-reduced-motion:reduce){#${P}items>*{animation:none}}
@media print{#${P}items{display:none}}`;

interface Shown {
  item: Item;
  mode: Mode;
  element: HTMLElement;
  act: () => void;
}

/** The place of a fixed button in the page. */
const markup = (item: Item): HTMLElement | null => document.getElementById(`${P}item_markup_${item.id}`);

export const canShow = (item: Item): boolean => item.position !== 'fixed' || item.type !== 'button' || !!markup(item);

export class Items {
  #shown = new Map<string, Shown>();
  #corner: HTMLElement | undefined;

  /** Shows an item, or changes its mode; says whether it was not there before. */
  show(item: Item, mode: Mode, act: () => void): boolean {
    const before = this.#shown.get(item.id);
    if (before?.element.isConnected) {
      before.act = act;
      this.#setMode(before, mode);
      return false;
    }
    adopt(CSS);
    if (item.css) adopt(item.css);
    const element = document.createElement('div');
    element.id = `${P}item_${item.id}`;
    element.innerHTML = item.html;
    // An attribute would be refused where the page's policy allows no inline styles.
    for (const styled of element.querySelectorAll<HTMLElement>('[style]')) {
      styled.style.cssText = styled.getAttribute('style') ?? '';
    }
    const shown: Shown = { item, mode, element, act };
    this.#shown.set(item.id, shown);
    const actions = element.querySelectorAll<HTMLElement>(`.${P}item_action`);
    if (!actions.length) element.classList.add(`${P}item_action`);
    for (const action of actions.length ? actions : [element]) press(action, () => shown.mode === 'online' && shown.act());
    for (const dismiss of element.querySelectorAll<HTMLElement>(`.${P}item_dismiss`)) {
      press(dismiss, () => this.#remove(item.id));
    }
    if (item.type === 'invitation') {
      element.setAttribute('role', 'region');
      element.setAttribute('aria-label', item.label);
    }
    element.classList.add(`${P}item`, `${P}${item.type}`);
    this.#setMode(shown, mode);
    (item.position === 'fixed' && item.type === 'button' ? markup(item)! : this.#place()).append(element);
    return true;
  }

  hideAll(): void {
    for (const id of [...this.#shown.keys()]) this.#remove(id);
  }

  /** What floats makes room for the window, and comes back after it. */
  behind(hidden: boolean): void {
    this.#corner?.classList.toggle(`${P}behind`, hidden);
  }

  /** The item that was clicked has done its work, unless it has its place in the page. */
  used(item: Item): void {
    if (item.type === 'invitation') this.#remove(item.id);
  }

  #place(): HTMLElement {
    if (!this.#corner?.isConnected) {
      this.#corner ??= Object.assign(document.createElement('div'), { id: `${P}items` });
      document.body.append(this.#corner);
    }
    return this.#corner;
  }

  #remove(id: string): void {
    this.#shown.get(id)?.element.remove();
    this.#shown.delete(id);
  }

  #setMode(shown: Shown, mode: Mode): void {
    shown.mode = mode;
    const { classList } = shown.element;
    classList.toggle(`${P}mode_online`, mode === 'online');
    classList.toggle(`${P}mode_offline`, mode === 'offline');
  }
}

/** Makes an element work like a button, for every way to press one. */
function press(element: HTMLElement, run: () => void): void {
  const native = element.matches('button,a[href],input,summary');
  if (!native) {
    element.tabIndex = 0;
    element.setAttribute('role', 'button');
  }
  element.addEventListener('click', (event) => {
    event.preventDefault();
    event.stopPropagation();
    run();
  });
  if (native) return;
  element.addEventListener('keydown', (event) => {
    if (event.target !== element || (event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    run();
  });
}
