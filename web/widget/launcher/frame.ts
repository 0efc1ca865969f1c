// The chat's window: a document of the server's own in a frame, so that neither side's styles and scripts reach the
// other. Both talk through a channel that only they hold.

import { adopt } from '../manager/styles.ts';
import type { FromWindow, Start, ToWindow } from '../protocol.ts';

const ID = 'dimelo_chat_window';

/** Of the button that is left when the window is put away. */
const SIDE = '72px';

// Browsers count it as a page that moves when an element begins elsewhere. So the frame keeps its size: put away, all but
// a corner of it is cut off, for the eye and for the mouse.
const CSS = `
#${ID}{border:0;background:none;color-scheme:normal;visibility:hidden}
#${ID}.ready{visibility:visible}
#${ID}.floating{--cut:calc(100% - ${SIDE});position:fixed;z-index:2147483001;inset-block-end:20px;inset-inline-end:20px;
width:384px;height:min(640px,100vh - 40px);border-radius:16px;clip-path:inset(var(--cut) 0 0 var(--cut))}
#${ID}.floating.left{clip-path:inset(var(--cut) var(--cut) 0 0)}
#${ID}.floating.opened{clip-path:none;box-shadow:0 12px 48px rgba(15,23,42,.18),0 2px 8px rgba(15,23,42,.1)}
#${ID}.embedded{display:block;width:100%;height:100%}
@media (max-width:480px){
#${ID}.floating{inset:0;width:100%;height:100dvh;border-radius:0;translate:-20px -20px}
#${ID}.floating.left{translate:20px -20px}
#${ID}.floating.opened{translate:none;box-shadow:none}}
@media print{#${ID}.floating{display:none}}`;

export class Frame {
  readonly element: HTMLIFrameElement;
  #port: MessagePort | undefined;
  #waiting: ToWindow[] = [];
  #heard: (event: MessageEvent) => void;

  constructor(address: string, parent: HTMLElement | null, start: () => Start, tell: (message: FromWindow) => void) {
    adopt(CSS);
    const origin = new URL(address).origin;
    this.element = Object.assign(document.createElement('iframe'), { id: ID, allow: 'autoplay; clipboard-write' });
    const { direction } = getComputedStyle(document.documentElement);
    this.element.className = parent ? 'embedded' : `floating ${direction === 'rtl' ? 'left' : ''}`;
    this.#heard = ({ source, origin: from, data }: MessageEvent) => {
      // Only our own frame, and only while it shows our own document.
      if (source !== this.element.contentWindow || from !== origin || data !== 'frontdesk:hello') return;
      const { port1, port2 } = new MessageChannel();
      this.#port?.close();
      this.#port = port1;
      port1.onmessage = ({ data }: MessageEvent<FromWindow>) => {
        if (data.type === 'ready') {
          this.element.title = data.title;
          this.element.classList.add('ready');
        }
        tell(data);
      };
      this.element.contentWindow?.postMessage('frontdesk:channel', origin, [port2]);
      port1.postMessage({ type: 'start', ...start() } satisfies ToWindow);
      for (const message of this.#waiting.splice(0)) port1.postMessage(message);
    };
    addEventListener('message', this.#heard);
    this.element.src = address;
    (parent ?? document.body).append(this.element);
    visualViewport?.addEventListener('resize', this.#fit);
  }

  /** Whether it is still in the page; a page may have thrown its parent away. */
  get attached(): boolean {
    return this.element.isConnected;
  }

  send(message: ToWindow): void {
    if (this.#port) this.#port.postMessage(message);
    else this.#waiting.push(message);
  }

  opened(opened: boolean): void {
    this.element.classList.toggle('opened', opened);
    this.#fit();
  }

  remove(): void {
    removeEventListener('message', this.#heard);
    visualViewport?.removeEventListener('resize', this.#fit);
    this.#port?.close();
    this.element.remove();
  }

  /** On a phone with its keyboard open, the window is what is left above it. */
  #fit = (): void => {
    const { style, classList } = this.element;
    const covers = classList.contains('floating') && classList.contains('opened') && matchMedia('(max-width:480px)').matches && visualViewport;
    style.height = covers ? `${covers.height}px` : '';
    style.top = covers ? `${covers.offsetTop}px` : '';
  };
}
