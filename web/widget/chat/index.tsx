// Starts the window: reads what the server has put into the document, and waits for the page that shows it.

import base from './chat.css?inline';
import { Chat } from './chat.ts';
import composer from './composer.css?inline';
import conversation from './conversation.css?inline';
import list from './list.css?inline';
import type { Settings } from './types.ts';
import { show } from './view.tsx';
import type { FromWindow, Start, ToWindow } from '../protocol.ts';

const sheet = new CSSStyleSheet();
sheet.replaceSync(base + conversation + composer + list);
document.adoptedStyleSheets = [sheet];

const settings: Settings = JSON.parse(document.getElementById('settings')?.textContent ?? '{}');

function begin(start: Start, tell: (message: FromWindow) => void): Chat {
  let drawn = false;
  const draw = () => {
    // Many changes in a row are drawn once.
    if (drawn) return;
    drawn = true;
    queueMicrotask(() => {
      drawn = false;
      show(chat);
    });
  };
  const chat: Chat = new Chat(settings, start, tell, draw);
  show(chat);
  void chat.begin();
  return chat;
}

if (settings.standalone) {
  const { jwt, custom } = settings.standalone;
  begin(
    {
      token: settings.token,
      mode: settings.mode,
      embedded: true,
      opened: true,
      engaged: false,
      locale: null,
      page_language: '',
      direction: 'ltr',
      translations: [],
      identity: null,
      jwt,
      session: null,
      waiting: null,
      notify: false,
      trigger_id: null,
      page: { url: document.referrer, title: '' },
      custom,
    },
    () => {},
  );
} else {
  const heard = ({ source, data, ports }: MessageEvent) => {
    const port = ports[0];
    if (source !== parent || data !== 'frontdesk:channel' || !port) return;
    removeEventListener('message', heard);
    let chat: Chat | undefined;
    port.onmessage = ({ data }: MessageEvent<ToWindow>) => {
      if (data.type === 'start') chat = begin(data, (message) => port.postMessage(message));
      else chat?.hear(data);
    };
  };
  addEventListener('message', heard);
  // It says nothing but that it is there; who may frame it is said by the document's policy.
  parent.postMessage('frontdesk:hello', '*');
}
