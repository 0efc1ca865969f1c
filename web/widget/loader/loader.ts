// What a page loads first: `/chat/{token}/loader.js`. The server writes the configuration of the source before this file
// and a brace after it: `(frontdesk=>{` … `})({…})`. It does nothing when the source is off, and otherwise loads the
// manager, which is the same for all sources, without holding up the page.

import type { Config } from '../protocol.ts';

declare const frontdesk: Config;

interface Global {
  Dimelo?: { Messaging?: unknown };
}

const start = (config: Config): void => {
  // A page of the site that is shown above a conversation needs no second one.
  if (!config.active || window.name === 'dimelo_chat_webview') return;
  const global = window as Global;
  const dimelo = (global.Dimelo ??= {});
  if (dimelo.Messaging) {
    console.warn('Frontdesk: the loader is here twice.');
    return;
  }
  const own = document.currentScript as HTMLScriptElement | null;
  const messaging = {
    config,
    base: new URL(own?.src || '.', location.href).href,
    nonce: own?.nonce,
    debug: false,
    Debug: { start: () => void (messaging.debug = true) },
  };
  dimelo.Messaging = messaging;
  const script = document.createElement('script');
  script.async = true;
  if (own?.nonce) script.nonce = own.nonce;
  script.src = new URL(config.assets.manager, messaging.base).href;
  document.head.append(script);
};

start(frontdesk);
