// The app on the phone: a list of conversations, one that is open, and a home screen from which notifications are seen.

import { Messaging, NEW, unread } from './messaging.js';

const $ = (id) => document.getElementById(id);
const form = document.querySelector('form');
const { url, token } = await (await fetch('app.json')).json();
const app = new Messaging({ url, token, storage: localStorage, locale: navigator.language, identity: { screenname: 'Vera' } });

/** An element with a text. */
function element(tag, text, name = '') {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = name;
  return made;
}

const time = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

function list({ threads }) {
  const rows = threads.map((thread) => {
    const row = document.createElement('button');
    const last = thread.last_content;
    row.append(element('strong', last?.author?.screenname ?? 'Purple Shop'), element('small', time(thread.updated_at)), element('p', last?.body ?? ''));
    if (thread.unread) row.append(element('span', String(thread.unread), 'count'));
    row.onclick = () => app.show(thread.id);
    return row;
  });
  if (!rows.length) rows.push(element('p', 'How can we help?', 'empty'));
  const begin = element('button', 'New conversation', 'new');
  begin.style.cssText = 'display:block;width:auto;margin:16px auto;border-radius:22px';
  begin.onclick = () => app.show(null);
  $('list').replaceChildren(...rows, begin);
}

function chat({ lines, shown, typing }) {
  const all = [];
  let before;
  for (const line of lines[shown ?? NEW] ?? []) {
    const isMine = line.from === 'visitor';
    if (line.from === 'agent' && line.author?.screenname !== before) all.push(element('p', line.author?.screenname ?? '', 'who'));
    before = isMine ? undefined : line.author?.screenname;
    if (line.from !== 'system') all.push(element('p', line.body, `line ${isMine ? 'mine' : ''} ${line.state ?? ''}`));
    if (line.state === 'failed') {
      const again = element('button', 'Not sent. Try again', 'state');
      again.onclick = () => app.retry(line.client_id);
      all.push(again);
    }
  }
  const types = shown && typing[shown];
  if (types && types.until > Date.now()) all.push(element('p', `${types.screenname} is typing…`, 'who'));
  $('chat').replaceChildren(...all);
  $('chat').scrollTop = $('chat').scrollHeight;
}

app.subscribe((state) => {
  const isList = state.shown === undefined;
  $('list').hidden = !isList;
  $('chat').hidden = form.hidden = $('back').hidden = isList;
  $('away').hidden = state.online;
  $('title').textContent = isList ? 'Purple Shop' : 'Conversation';
  document.title = unread(state) ? `(${unread(state)}) Purple Shop` : 'Purple Shop';
  if (isList) list(state);
  else chat(state);
});

form.onsubmit = (event) => {
  event.preventDefault();
  const { text } = form.elements;
  if (text.value.trim()) app.write(text.value);
  text.value = '';
};
form.elements.text.oninput = () => app.typing();
$('back').onclick = () => app.show(undefined);

// Away: the stream ends, and the push service tells of answers.
$('leave').onclick = () => {
  app.sleep();
  app.stop();
  $('home').hidden = false;
};
async function open(thread) {
  $('home').hidden = $('banner').hidden = true;
  await app.start();
  app.wake();
  await app.show(thread);
}
$('open').onclick = () => open(undefined);

new EventSource('notifications').onmessage = ({ data }) => {
  // A phone shows none of an app that is open.
  if ($('home').hidden) return;
  const { notification, data: about } = JSON.parse(data);
  const banner = $('banner');
  banner.replaceChildren(element('small', 'Purple Shop'), element('p', notification.title), element('p', notification.body));
  banner.firstChild.nextSibling.style.fontWeight = '600';
  banner.onclick = () => open(about.thread_id);
  banner.hidden = false;
};

await app.start();
await app.show(undefined);
const id = (localStorage.device ??= crypto.randomUUID());
await app.register(id, { platform: 'fcm', push_token: `phone:${id}` });
