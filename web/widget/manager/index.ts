// Starts the manager in a page that the loader has prepared, once its elements are there.

import type { Config } from '../protocol.ts';
import { load } from './load.ts';
import { Manager } from './manager.ts';

interface Messaging {
  config: Config;
  base: string;
  nonce?: string;
  /** The toolbar was asked for before this script came. */
  debug: boolean;
  manager?: Manager;
  Debug: { start: () => void };
}

function start(messaging: Messaging): void {
  const { config, base, nonce } = messaging;
  const manager = new Manager(config, base, nonce);
  messaging.manager = manager;
  messaging.Debug.start = () => load(config.assets.debug, base, nonce);
  manager.start();
  let kept = messaging.debug;
  try {
    kept ||= !!sessionStorage.getItem('frontdesk.debug');
  } catch {
    // Blocked: the toolbar lasts as long as the page.
  }
  if (kept) messaging.Debug.start();
}

const messaging = (window as { Dimelo?: { Messaging?: Messaging } }).Dimelo?.Messaging;
if (messaging) {
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => start(messaging));
  else start(messaging);
}
