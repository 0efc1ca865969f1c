// Structured messages as elements of a document, for the chat's window and for agents' screens: select, rich_link,
// template and carousel. Whatever they hold stays text; addresses have to be ones that a person may follow.

/** How much of the window a page above the conversation covers. */
export type WebviewHeight = 'full' | 'tall' | 'compact';

export interface Button {
  type?: 'url' | 'reply';
  title: string;
  payload?: string | null;
  url?: string | null;
  target?: 'webview' | 'open' | 'current' | null;
  webview_height?: WebviewHeight | null;
}

export interface Card {
  type?: string;
  title?: string | null;
  subtitle?: string | null;
  url?: string | null;
  url_text?: string | null;
  target?: 'webview' | 'open' | 'current' | null;
  webview_height?: WebviewHeight | null;
  attachment_url?: string | null;
  items?: Button[];
}

export interface Structured extends Omit<Card, 'items'> {
  type: string;
  center_items?: boolean;
  disable_text_input?: boolean;
  items?: (Button & Card)[];
}

export interface Handlers {
  /** Something was chosen; not there where nothing can be chosen any more. */
  choose?: ((item: Button) => void) | undefined;
  /** A page is to be opened above the conversation. */
  webview(url: string, height: WebviewHeight): void;
}

/** Schemes that run something in a page instead of leading elsewhere. */
const REFUSED = ['javascript:', 'data:', 'vbscript:', 'blob:', 'file:', 'about:', 'filesystem:', 'intent:', 'jar:', 'view-source:', 'ms-msdt:', 'ms-officecmd:', 'search-ms:'];

/** An address that a person may follow; deep links of apps are such. */
export function safeUrl(url: string | null | undefined): URL | undefined {
  try {
    const parsed = new URL(url ?? '');
    return REFUSED.includes(parsed.protocol) ? undefined : parsed;
  } catch {
    return undefined;
  }
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string | null | undefined | false)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child): child is Node | string => child != null && child !== false));
  return made;
}

const isWeb = ({ protocol }: URL): boolean => protocol === 'https:' || protocol === 'http:';

/** A link that opens as it says: above the conversation, in the same tab, or in a new one. */
function link(
  { url, target, webview_height }: Pick<Button, 'url' | 'target' | 'webview_height'>,
  className: string,
  handlers: Handlers,
  ...children: (Node | string | null | undefined | false)[]
): HTMLElement {
  const to = safeUrl(url);
  if (!to) return element('span', className, ...children);
  const made = element('a', className, ...children);
  made.href = to.href;
  made.rel = 'noopener noreferrer';
  made.target = target === 'current' ? '_top' : '_blank';
  if (target === 'webview' && isWeb(to)) {
    made.addEventListener('click', (event) => {
      event.preventDefault();
      handlers.webview(to.href, webview_height ?? 'full');
    });
  }
  return made;
}

function choice(item: Button, handlers: Handlers): HTMLElement {
  const made = element('button', 'fd-choice', item.title);
  made.type = 'button';
  made.disabled = !handlers.choose;
  made.addEventListener('click', () => handlers.choose?.(item));
  return made;
}

/** Images are 5:3 when they are wider than high, otherwise square; in a carousel as the first one is. */
function image(url: string, onShape: (wide: boolean) => void): HTMLElement {
  const made = element('img', 'fd-image');
  made.alt = '';
  made.addEventListener('load', () => onShape(made.naturalWidth > made.naturalHeight));
  made.addEventListener('error', () => made.remove());
  made.src = url;
  return made;
}

function card(content: Card, handlers: Handlers, onShape?: (wide: boolean) => void): HTMLElement {
  const { title, subtitle, attachment_url, items = [] } = content;
  const to = safeUrl(content.url);
  const picture = safeUrl(attachment_url);
  const made = element('div', 'fd-card');
  const shape = onShape ?? ((wide: boolean) => made.classList.toggle('fd-wide', wide));
  const body = [
    picture && isWeb(picture) && image(picture.href, shape),
    element(
      'span',
      'fd-card-text',
      !!title && element('strong', '', title),
      !!subtitle && element('span', '', subtitle),
      !!to && element('small', '', content.url_text || to.host || to.protocol),
    ),
  ];
  made.append(to ? link(content, 'fd-card-body', handlers, ...body) : element('div', 'fd-card-body', ...body));
  for (const item of items) {
    made.append(item.type === 'url' ? link(item, 'fd-choice', handlers, item.title) : choice(item, handlers));
  }
  return made;
}

/** A structured message; nothing for a type that is not shown here: its text stands for it. */
export function structured(content: Structured, handlers: Handlers): HTMLElement | undefined {
  const items = Array.isArray(content.items) ? content.items : [];
  switch (content.type) {
    case 'select': {
      // Once something was chosen, what else there was is of no use.
      if (!handlers.choose) return undefined;
      const made = element('div', 'fd-select', ...items.map((item) => choice(item, handlers)));
      made.classList.toggle('fd-center', content.center_items === true);
      return made;
    }
    case 'rich_link':
    case 'template':
      return card({ ...content, items }, handlers);
    case 'carousel': {
      const made = element('div', 'fd-carousel');
      made.tabIndex = 0;
      made.append(
        ...items.map((item, index) =>
          card(item, handlers, (wide) => {
            if (index === 0) made.classList.toggle('fd-wide', wide);
          }),
        ),
      );
      return made;
    }
    default:
      return undefined;
  }
}
