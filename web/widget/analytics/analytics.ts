// Tells the Google Analytics that a page has of itself what happens with the chat. The server writes it after the loader
// of sources that want it: `(analytics=>{` … `})("classic" or "universal");`. It is made with the published API only.

import type { Data } from '../manager/events.ts';

declare const analytics: 'classic' | 'universal';

interface Page {
  _chatq?: { push(command: unknown[]): unknown };
  _gaq?: { push(command: unknown[]): unknown };
  ga?: (...command: unknown[]) => void;
}

/** Our events by the names under which they are reported. */
const REPORTED = {
  chat_proposed: 'trigger_executed',
  chat_engaged: 'chat_engaged',
  chat_shown: 'chat_shown',
  message_received: 'message_received',
  message_sent: 'message_sent',
};

const page = window as Page;
const queue = (page._chatq ??= []);
for (const [name, event] of Object.entries(REPORTED)) {
  const report = ({ trigger_human_id }: Data): void => {
    const what = ['Chat', name, trigger_human_id ?? ''];
    // A page without it is left alone.
    if (analytics === 'classic') page._gaq?.push(['_trackEvent', ...what]);
    else page.ga?.('send', 'event', ...what);
  };
  queue.push(['_onEvent', event, report]);
}
