#!/usr/bin/env node
// A guest book: a small web page where visitors write, connected to Frontdesk as a channel of its own.
//
//     FRONTDESK_TOKEN=<an administrator's access token> node guestbook.mjs
//
// One file, nothing to install, Node 18 or newer. README.md beside it names the settings; guestbook.py is the same for
// Python, and docs/integrator/channel-step-by-step.md explains every part.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const env = process.env;
const PORT = Number(env.GUESTBOOK_PORT ?? 9300);
const HOST = env.GUESTBOOK_HOST ?? '127.0.0.1';
// Where browsers and Frontdesk reach this program.
const URL_ = (env.GUESTBOOK_URL ?? `http://127.0.0.1:${PORT}`).replace(/\/+$/, '');
const FILE = env.GUESTBOOK_FILE ?? 'guestbook.jsonl';
// With 1, what visitors write is seen by others once an agent has published it.
const MODERATED = env.GUESTBOOK_MODERATED === '1';
const FRONTDESK_URL = (env.FRONTDESK_URL ?? 'http://localhost:8080').replace(/\/+$/, '');

const SIGNATURE = 'X-SMCCSDK-SIGNATURE';
const REQUEST_BYTES_MAX = 8 * 1024 * 1024;
const FILE_BYTES_MAX = 5 * 1024 * 1024;
const BODY_CHARACTERS_MAX = 2_000;
const NAME_CHARACTERS_MAX = 60;
const ENTRIES_PER_LIST = 100;
const THREADS_SHOWN = 100;
const TYPING_SECONDS = 10;
const QUEUE_SECONDS = 300;
const ATTEMPTS_AFTER_REFUSAL = 5;
// What says that an entry itself cannot be taken. Anything else passes: a wrong secret is set right, a limit lifts.
const REFUSALS = [400, 413, 422];
const PAUSE_SECONDS_MAX = 30;
const HINTS_WAITING_MAX = 20;
const REQUEST_SECONDS_MAX = 60;
const TYPES = {
  png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp',
  pdf: 'application/pdf', txt: 'text/plain; charset=utf-8',
};

// What it can do. `highlight` is an action of its own: agents get a button with this label.
const INFO = {
  objects: {
    threads: ['list'],
    messages: ['list', 'show', 'create', 'reply', 'publish', 'unpublish', 'delete', 'highlight'],
    status: ['mark_as_read'],
    typing: ['start', 'stop'],
  },
  options: [
    'threads.no_content', 'messages.no_title', 'messages.text', 'messages.attachments', 'view.messaging',
    'messaging.typing_indicator', 'messaging.queuing_update',
  ],
  locales: { default: { highlight: 'Put on top' }, fr: { highlight: 'Mettre en tête' } },
};
// What may be done with one entry of a visitor.
const ACTIONS = ['reply', 'show', 'publish', 'unpublish', 'delete', 'highlight'];
const ACTIONS_ON_ANSWERS = ['show', 'publish', 'unpublish', 'delete'];

// What is told to whoever asked for something that cannot be done. `fatal`: asking again is of no use.
class Refusal extends Error {
  constructor(message, fatal = true) {
    super(message);
    this.fatal = fatal;
  }
}

const isText = (value, charactersMax) =>
  typeof value === 'string' && value.trim() !== '' && value.length <= charactersMax;
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
// Without control characters and halves of characters: not every program can read those.
const clean = (text) => (typeof text === 'string' ? text.replace(/(?![\n\t])[\p{Cc}\p{Cs}]/gu, '') : '');
const newId = (bytes) => randomBytes(bytes).toString('hex');
const sign = (secret, body) => createHmac('sha512', secret).update(body).digest('hex');
// Our own files' addresses as others see them.
const web = (url) => (url.startsWith('/') ? URL_ + url : url);
// A full disk may take a part of what is written.
const writeAll = (file, bytes) => {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
};
const kindOf = (name) => TYPES[name.split('.').pop().toLowerCase()];

// All entries, in the order in which they were made. Each change is a line at the end of the file, and on disk before
// anybody is told of it.
class Book {
  entries = new Map();
  connection = {};
  typing = new Map();
  waiting = new Map();
  version = Date.now() * 1_000; // greater than all before a restart

  constructor(path) {
    this.files = `${path.replace(/\.[^./]*$/, '')}.files`;
    mkdirSync(this.files, { mode: 0o700, recursive: true });
    // It holds the channel's secret.
    this.file = openSync(path, 'a+', 0o600);
    const written = readFileSync(path, 'utf8');
    for (const line of written.split('\n')) this.recall(line);
    if (written && !written.endsWith('\n')) writeSync(this.file, '\n'); // it was killed while it wrote
  }

  recall(line) {
    let saved;
    try {
      saved = JSON.parse(line);
    } catch {
      return; // half a line: nobody was told of it
    }
    if (saved.connection) this.connection = saved.connection;
    else this.entries.set(saved.id, saved);
  }

  append(saved) {
    writeAll(this.file, Buffer.from(`${JSON.stringify(saved)}\n`));
    fsyncSync(this.file);
  }

  connect(connection) {
    this.append({ connection });
    this.connection = connection;
  }

  save(entry) {
    this.append(entry);
    this.entries.set(entry.id, entry);
    this.version += 1;
    return entry;
  }

  change(entry, changes) {
    return this.save({ ...this.entries.get(entry.id), ...changes });
  }

  find(id) {
    const entry = this.entries.get(id);
    if (!entry || entry.deleted) throw new Refusal('There is no such message.');
    return entry;
  }

  thread(id) {
    const entries = [...this.entries.values()].filter((entry) => entry.thread === id && !entry.deleted);
    if (!entries.length) throw new Refusal('There is no such thread.');
    return entries;
  }

  // What visitors wrote, also what was deleted: its place in the list stays.
  ofVisitors() {
    return [...this.entries.values()].filter((entry) => !entry.desk);
  }

  since(visitor) {
    return this.ofVisitors().find((entry) => entry.visitor === visitor).at;
  }

  // What the page shows to a visitor; without the threads when they have not changed since `version`.
  view(visitor, version) {
    const [typing, waiting] = [{}, {}];
    for (const [thread, until] of this.typing) if (until > Date.now()) typing[thread] = true;
    for (const [thread, { until, place }] of this.waiting) if (until > Date.now()) waiting[thread] = place;
    if (version === String(this.version)) return { typing, waiting };
    const threads = new Map();
    for (const entry of this.entries.values()) {
      if (!entry.published || entry.deleted) continue;
      if (!threads.has(entry.thread)) threads.set(entry.thread, []);
      threads.get(entry.thread).push(entry);
    }
    const shown = [...threads].reverse().map(([id, entries]) => ({
      id, top: entries.some((entry) => entry.highlighted), entries: entries.map((entry) => shownEntry(entry, visitor)),
    }));
    shown.sort((one, other) => other.top - one.top);
    return { typing, waiting, version: this.version, threads: shown.slice(0, THREADS_SHOWN) };
  }
}

function shownEntry(entry, visitor) {
  const { id, thread, name, at, body, desk, seen, structured, files } = entry;
  return { id, thread, name, at, body, desk, seen, structured, files, mine: entry.visitor === visitor };
}

// What visitors and Frontdesk do with the book.
class Guestbook {
  constructor(book) {
    this.book = book;
    this.wake = () => {};
    this.hints = [];
    this.actions = {
      'implementation.info': () => INFO,
      'threads.list': (params) => this.listThreads(params),
      'messages.list': (params) => this.listMessages(params),
      'messages.show': (params) => this.message(book.find(params.id)),
      'messages.create': (params) => this.create(params),
      'messages.delete': (params) => this.delete(params),
      'messages.publish': (params) => this.set(params, { published: true }),
      'messages.unpublish': (params) => this.set(params, { published: false }),
      'messages.highlight': (params) => this.set(params, { highlighted: !book.find(params.id).highlighted }),
      'typing.start': (params) => this.typing(params, Date.now() + TYPING_SECONDS * 1_000),
      'typing.stop': (params) => this.typing(params, 0),
      'messaging.queuing_update': (params) => this.waits(params),
    };
  }

  // What Frontdesk asks for.

  // An entry as the contract wants it.
  message(entry) {
    const message = {
      id: entry.id,
      thread_id: entry.thread,
      body: entry.body,
      format: 'text',
      created_at: entry.at,
      display_url: `${URL_}/#${entry.id}`,
      in_reply_to_id: entry.reply_to,
      attachments: entry.files.map((file) => ({ url: web(file.url), filename: file.name })),
    };
    if (entry.desk) {
      const author = { id: entry.author, screenname: entry.name, created_at: entry.at, puppetizable: true };
      return { ...message, author, actions: ACTIONS_ON_ANSWERS };
    }
    const author = { id: entry.visitor, screenname: entry.name, created_at: this.book.since(entry.visitor) };
    if (entry.payload) message.structured_reply = { payload: entry.payload };
    return { ...message, author, actions: ACTIONS };
  }

  // The oldest ones after `since_id`, the newest of them first. What came from Frontdesk is known there.
  listMessages(params) {
    return this.part(this.book.ofVisitors(), params.since_id).map((entry) => this.message(entry));
  }

  listThreads(params) {
    const firsts = this.book.ofVisitors().filter((entry) => entry.id === entry.thread);
    return this.part(firsts, params.since_id).map(({ id, body }) => ({ id, title: [...body].slice(0, 80).join('') }));
  }

  part(entries, sinceId) {
    // With an id that nobody knows, everything is told: what is known already changes nothing.
    const at = entries.findIndex((entry) => entry.id === sinceId);
    return entries.slice(at + 1).filter((entry) => !entry.deleted).slice(0, ENTRIES_PER_LIST).reverse();
  }

  // The thread that is meant, by its own id or by that of a message in it.
  threadOf(params) {
    const thread = params.thread_id || this.book.find(params.in_reply_to_id).thread;
    this.book.thread(thread);
    return thread;
  }

  create(params) {
    const { content_id, body, structured_content: structured } = params;
    if (!isText(content_id, 255) || !['string', 'undefined'].includes(typeof (body ?? undefined))) {
      throw new Refusal('content_id and body should be texts.');
    }
    for (const entry of this.book.entries.values()) {
      // A repeat: Frontdesk did not hear the first answer.
      if (entry.content_id === content_id) return this.message(entry);
    }
    const thread = this.threadOf(params);
    const attachments = Array.isArray(params.attachments) ? params.attachments.filter(isObject) : [];
    const files = attachments.filter((file) => typeof file.url === 'string')
      .map((file) => ({ url: file.url, name: file.filename, image: file.type === 'image' }));
    if (!body && !files.length && !structured) throw new Refusal('The message is empty.');
    this.book.typing.delete(thread);
    this.book.waiting.delete(thread);
    return this.message(this.book.save({
      id: newId(8), thread, desk: true, at: new Date().toISOString(), published: true,
      author: String(params.author_id), name: String(params.sender_name || 'The house'), body: body ?? '', files,
      content_id, reply_to: params.in_reply_to_id, structured: isObject(structured) ? structured : undefined,
    }));
  }

  set(params, changes) {
    return this.message(this.book.change(this.book.find(params.id), changes));
  }

  delete(params) {
    // Asked again, because the answer was lost, it is gone as it was wanted.
    const known = this.book.entries.get(params.id);
    if (known?.deleted) return this.message(known);
    const entry = this.book.find(params.id);
    rmSync(`${this.book.files}/${entry.id}-0`, { force: true });
    return this.set(params, { deleted: true });
  }

  typing(params, until) {
    this.book.typing.set(this.threadOf(params), until);
    return {};
  }

  // How long a visitor will wait for somebody: a hint, shown until it is answered or old.
  waits(params) {
    const place = { position: params.position, seconds: params.estimated_wait_time };
    if (!Object.values(place).every(Number.isInteger)) {
      throw new Refusal('position and estimated_wait_time should be whole numbers.');
    }
    this.book.waiting.set(this.threadOf(params), { until: Date.now() + QUEUE_SECONDS * 1_000, place });
    return {};
  }

  // What visitors do.

  write(visitor, given) {
    const [name, body] = [clean(given.name), clean(given.body)];
    const { thread, file } = given;
    if (!isText(name, NAME_CHARACTERS_MAX)) {
      throw new Refusal(`Tell us your name, in at most ${NAME_CHARACTERS_MAX} characters.`);
    }
    if (!isText(body, BODY_CHARACTERS_MAX)) {
      throw new Refusal(`Write something, in at most ${BODY_CHARACTERS_MAX} characters.`);
    }
    const id = newId(8);
    const entry = {
      id, thread: thread || id, visitor, name, body, at: new Date().toISOString(),
      published: !MODERATED, files: [],
    };
    if (thread) {
      const entries = this.book.thread(thread);
      // The last thing that was said; or what was picked from.
      entry.reply_to = (given.reply_to ? this.book.find(given.reply_to) : entries.at(-1)).id;
      if (isText(given.payload, 1_000)) entry.payload = clean(given.payload);
    }
    if (file) entry.files.push(this.keep(id, file));
    this.book.save(entry);
    this.wake();
    return { id };
  }

  keep(id, file) {
    if (!isObject(file) || typeof file.name !== 'string' || typeof file.content !== 'string') {
      throw new Refusal('The file cannot be read.');
    }
    const name = clean(file.name.split(/[/\\]/).pop().slice(-100));
    const content = Buffer.from(file.content, 'base64');
    const kind = kindOf(name);
    if (!kind) throw new Refusal(`Files may be of the types ${Object.keys(TYPES).join(', ')}.`);
    if (content.length > FILE_BYTES_MAX) throw new Refusal(`A file may have at most ${FILE_BYTES_MAX} bytes.`);
    const kept = openSync(`${this.book.files}/${id}-0`, 'w');
    writeAll(kept, content);
    fsyncSync(kept);
    closeSync(kept);
    return { url: `/files/${id}/0/${encodeURIComponent(name)}`, name, image: kind.startsWith('image/') };
  }

  readFile(id, at) {
    const entry = this.book.find(id);
    if (at !== '0' || entry.desk || !entry.files.length) throw new Refusal('There is no such file.');
    return [kindOf(entry.files[0].name), readFileSync(`${this.book.files}/${id}-0`)];
  }

  seen(given) {
    const entry = this.book.find(given.id);
    if (entry.desk && !entry.seen) this.book.change(entry, { seen: true });
    this.wake();
    return {};
  }

  types(given) {
    const { thread, text } = given;
    this.book.thread(thread);
    if (isText(text, BODY_CHARACTERS_MAX)) this.tellLightly('typing.start', { thread_id: thread, preview: text });
    else this.tellLightly('typing.stop', { thread_id: thread });
    return {};
  }

  // What we tell Frontdesk: the real-time half. Without it, Frontdesk asks for the lists once a minute.

  // A hint: it may get lost, as it does when many wait already. They are told one after the other, in their order.
  tellLightly(action, params) {
    if (!this.sourceId() || this.hints.length >= HINTS_WAITING_MAX) return;
    if (this.hints.push([action, params]) === 1) this.keepHinting();
  }

  async keepHinting() {
    while (this.hints.length) {
      await this.tell(...this.hints[0]);
      this.hints.shift();
    }
  }

  // Posts one action; the status of the answer, or 0 when there was none, and for how long to wait if it says.
  async tell(action, params) {
    const body = JSON.stringify({ action, params });
    try {
      const answer = await fetch(`${FRONTDESK_URL}/realtime/sdk/${this.sourceId()}`, {
        method: 'POST', body, signal: AbortSignal.timeout(10_000),
        headers: { 'Content-Type': 'application/json', [SIGNATURE]: sign(this.secret(), body) },
      });
      const told = await answer.text();
      if (!answer.ok) console.error(`${action} was refused: ${answer.status} ${told.slice(0, 500)}`);
      return { status: answer.status, after: Number(answer.headers.get('Retry-After')) || 0 };
    } catch (trouble) {
      console.error(`${action} did not arrive: ${trouble.cause?.message ?? trouble.message}`);
      return { status: 0, after: 0 };
    }
  }

  // Tells Frontdesk of every entry, in their order, until it says that it has it; and what has been seen.
  async keepTelling() {
    let [pause, refusals] = [1, 0];
    for (;;) {
      const waiting = [...this.book.entries.values()].find((entry) => !isTold(entry));
      if (!waiting || !this.sourceId()) {
        await new Promise((done) => { this.wake = done; });
        continue;
      }
      const { status, after } = waiting.desk
        ? await this.tell('status.mark_as_read', { id: waiting.id })
        : await this.tell('messages.create', this.message(waiting));
      refusals = REFUSALS.includes(status) ? refusals + 1 : 0;
      if (status === 200 || refusals === ATTEMPTS_AFTER_REFUSAL) {
        // What is refused for good is left to the lists.
        this.book.change(waiting, { told: true });
        [pause, refusals] = [1, 0];
      } else {
        await sleep(Math.min(after || pause, PAUSE_SECONDS_MAX) * 1_000);
        pause = Math.min(2 * pause, PAUSE_SECONDS_MAX);
      }
    }
  }

  secret() {
    return env.CHANNEL_SECRET || this.book.connection.secret || '';
  }

  sourceId() {
    return env.SOURCE_ID || this.book.connection.source_id || '';
  }

  // Has Frontdesk make a source for this book, once.
  async introduce() {
    const call = async (path, fields) => {
      const headers = { Authorization: `Bearer ${env.FRONTDESK_TOKEN}`, 'Content-Type': 'application/json' };
      const body = JSON.stringify(fields);
      const answer = await fetch(`${FRONTDESK_URL}/1.0${path}`, { method: 'POST', headers, body });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      return answer.json();
    };
    const source = { type: 'sdk', name: 'Guest book' };
    source.community_id = (await call('/communities', source)).id;
    const secret = this.secret();
    const created = await call('/content_sources', { ...source, base_uri: `${URL_}/frontdesk`, access_token: secret });
    this.book.connect({ secret, source_id: created.id });
  }
}

function isTold(entry) {
  return entry.told || entry.deleted || (entry.desk && !entry.seen);
}

function isSigned(secret, body, given) {
  const [expected, told] = [Buffer.from(sign(secret, body)), Buffer.from(given.toLowerCase())];
  return secret !== '' && expected.length === told.length && timingSafeEqual(expected, told);
}

function send(response, status, kind, body, headers = {}) {
  response.writeHead(status, {
    'Content-Type': kind, 'Content-Length': Buffer.byteLength(body), 'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store', ...headers,
  });
  response.end(body);
}

function sendJson(response, status, value, headers = {}) {
  send(response, status, 'application/json', JSON.stringify(value), headers);
}

async function readBody(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > REQUEST_BYTES_MAX) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

// A visitor's id, which others see, made from the cookie, which nobody else may know: it does not lead back.
function authorOf(session) {
  return createHash('sha256').update(`visitor ${session}`).digest('hex').slice(0, 32);
}

// Who is at the other end, by a cookie; whoever has none gets one.
function visitorOf(request, response) {
  const known = /(?:^|;)\s*visitor=([0-9a-z]{32})(?:;|$)/.exec(request.headers.cookie ?? '');
  if (known) return authorOf(known[1]);
  const session = newId(16);
  response.setHeader('Set-Cookie', `visitor=${session}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`);
  return authorOf(session);
}

function fromFrontdesk(guestbook, request, response, body, query) {
  const secret = guestbook.secret();
  // Over the bytes as they came, before anything is read from them, and in constant time.
  const given = request.headers[SIGNATURE.toLowerCase()] ?? query.get('signature') ?? '';
  if (!isSigned(secret, body, given)) return send(response, 401, 'text/plain', 'Invalid signature');
  let told;
  try {
    told = JSON.parse(body);
  } catch {
    return send(response, 400, 'text/plain', 'Bad request');
  }
  const params = told?.params ?? {};
  if (typeof told?.action !== 'string' || !isObject(params)) {
    return send(response, 400, 'text/plain', 'Invalid request format');
  }
  if (!Object.hasOwn(guestbook.actions, told.action)) return send(response, 422, 'text/plain', 'Invalid action');
  let answer;
  try {
    answer = guestbook.actions[told.action](params);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    answer = { error: { fatal: refusal.fatal, message: refusal.message } };
  }
  const text = JSON.stringify(answer);
  send(response, 200, 'application/json', text, { [SIGNATURE]: sign(secret, text) });
}

function get(guestbook, request, response, { pathname, searchParams }) {
  const parts = pathname.split('/');
  if (pathname === '/') return send(response, 200, 'text/html; charset=utf-8', PAGE);
  if (pathname === '/book') {
    return sendJson(response, 200, guestbook.book.view(visitorOf(request, response), searchParams.get('version')));
  }
  if (parts.length === 5 && parts[1] === 'files') return send(response, 200, ...guestbook.readFile(parts[2], parts[3]));
  throw new Refusal('There is no such page.');
}

function post(guestbook, request, response, path, body) {
  const given = JSON.parse(body);
  if (!isObject(given)) throw new Refusal('An object is needed.');
  if (path === '/book') return sendJson(response, 200, guestbook.write(visitorOf(request, response), given));
  sendJson(response, 200, path === '/seen' ? guestbook.seen(given) : guestbook.types(given));
}

async function answer(guestbook, request, response) {
  const url = new URL(request.url, 'http://localhost');
  if (request.method === 'GET') {
    try {
      return get(guestbook, request, response, url);
    } catch (refusal) {
      return sendJson(response, 404, { message: refusal.message });
    }
  }
  const body = await readBody(request);
  if (body === null) {
    response.setHeader('Connection', 'close');
    return send(response, 413, 'text/plain', 'The request is too large');
  }
  if (request.method === 'POST' && url.pathname === '/frontdesk') {
    return fromFrontdesk(guestbook, request, response, body, url.searchParams);
  }
  // Another site's page cannot send this type without asking first.
  const isJson = (request.headers['content-type'] ?? '').split(';')[0].trim() === 'application/json';
  if (request.method !== 'POST' || !isJson || !['/book', '/seen', '/typing'].includes(url.pathname)) {
    return sendJson(response, 404, { message: 'There is no such thing to do.' });
  }
  try {
    post(guestbook, request, response, url.pathname, body);
  } catch (refusal) {
    if (!(refusal instanceof Refusal || refusal instanceof SyntaxError)) throw refusal;
    sendJson(response, 422, { message: refusal.message });
  }
}

async function main() {
  const guestbook = new Guestbook(new Book(FILE));
  if (!guestbook.secret()) {
    if (!env.FRONTDESK_TOKEN) throw new Error('Set FRONTDESK_TOKEN, or CHANNEL_SECRET and SOURCE_ID: see README.md.');
    guestbook.book.connect({ secret: newId(32) });
  }
  const server = createServer((request, response) => {
    answer(guestbook, request, response).catch((trouble) => {
      console.error(trouble);
      if (!response.headersSent) send(response, 500, 'text/plain', 'Something broke here');
      else response.destroy();
    });
  });
  server.requestTimeout = REQUEST_SECONDS_MAX * 1_000;
  await new Promise((done, fail) => server.once('error', fail).listen(PORT, HOST, done));
  // Frontdesk asks what the channel can do as soon as the source is made: the book is open by then.
  if (!guestbook.sourceId() && env.FRONTDESK_TOKEN) {
    await guestbook.introduce().catch((trouble) => {
      throw new Error(`Frontdesk made no source: ${trouble.cause?.message ?? trouble.message}`);
    });
  }
  console.log(`The guest book is open at ${URL_}/`);
  await guestbook.keepTelling();
}

const PAGE = String.raw`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guest book</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%232f6b4f' d='M2 2h5l1 1 1-1h5v11H9l-1 1-1-1H2z'/%3E%3C/svg%3E">
<style>
  :root { --ink: #23302b; --soft: #66756e; --paper: #fffdf8; --line: #e2ddd0; --green: #2f6b4f; --pale: #e9f2ec; }
  * { box-sizing: border-box; }
  body { margin: 0; background: #f3efe6; color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
  main { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
  h1 { font: 600 2rem/1.2 Georgia, serif; margin: .5rem 0 0; }
  header p { margin: .25rem 0 1.25rem; color: var(--soft); }
  form, article { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; }
  article { margin-top: 1rem; }
  article.top { border-color: var(--green); box-shadow: inset .25rem 0 var(--green); }
  article form { border: 0; padding: .75rem 0 0; }
  .entry { margin-top: .9rem; overflow-wrap: anywhere; }
  .entry:first-child { margin-top: 0; }
  .entry p { margin: .1rem 0; white-space: pre-wrap; }
  .desk { margin-left: 1.25rem; padding: .6rem .9rem; border-radius: .6rem; background: var(--pale); }
  .who { font-weight: 600; }
  time, .hint { color: var(--soft); font-size: .85rem; }
  time { white-space: nowrap; }
  img { display: block; max-width: 100%; max-height: 15rem; margin-top: .5rem; border-radius: .5rem; }
  input, textarea { width: 100%; padding: .6rem .7rem; border: 1px solid #c9c2b1; border-radius: .5rem;
    background: #fff; color: inherit; font: inherit; }
  textarea { min-height: 5.5rem; resize: vertical; }
  article textarea { min-height: 2.9rem; height: 2.9rem; }
  input:focus, textarea:focus, button:focus, a:focus { outline: 2px solid var(--green); outline-offset: 1px; }
  .row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: .6rem; }
  .row > input[type=file] { flex: 1 1 10rem; width: auto; min-width: 0; border: 0; padding: .2rem 0; border-radius: 0;
    background: none; font-size: .85rem; }
  ::file-selector-button { margin-right: .6rem; padding: .45rem .8rem; border: 1px solid var(--green); border-radius: .5rem;
    background: #fff; color: var(--green); font: inherit; cursor: pointer; }
  .row > textarea { flex: 1 1 12rem; width: auto; }
  button, .button { padding: .55rem 1rem; border: 1px solid var(--green); border-radius: .5rem;
    background: var(--green); color: #fff; font: inherit; text-decoration: none; cursor: pointer; }
  .choices { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .5rem; }
  .choices button, .choices .button { background: #fff; color: var(--green); }
  .cards { display: flex; gap: .75rem; overflow-x: auto; padding-bottom: .5rem; scrollbar-width: thin;
    scrollbar-color: var(--line) transparent; }
  .card { flex: 0 0 min(16rem, 85%); margin-top: .5rem; padding: .75rem; border-radius: .6rem; background: #fff; }
  .card b { display: block; }
  .hint { margin: .5rem 0 0; }
  .hint:empty, [hidden] { display: none !important; }
  label span { display: block; font-size: .85rem; color: var(--soft); margin: .5rem 0 .1rem; }
  label:first-child span { margin-top: 0; }
  @media (max-width: 30rem) { #new .row > * { flex: 1 1 100%; } }
</style>
<main>
  <header><h1>Guest book</h1><p>Write something. We read everything, and answer here.</p></header>
  <form id="new">
    <label><span>Your name</span><input name="name" maxlength="60" required autocomplete="name"></label>
    <label><span>Your entry</span><textarea name="body" maxlength="2000" required></textarea></label>
    <div class="row"><input type="file" name="file" aria-label="A picture or a document"
      accept=".png,.jpg,.jpeg,.gif,.webp,.pdf,.txt"><button>Write</button></div>
    <p class="hint" role="alert"></p>
  </form>
  <section id="book" aria-live="polite"></section>
</main>
<script>
const book = document.querySelector('#book'), threads = new Map(), shown = {};
const nameField = document.querySelector('#new [name=name]');
nameField.value = localStorage.getItem('name') ?? '';
const date = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' });
let version = -1;

// Text only ever becomes text, and links lead to the web: nothing that somebody wrote can act on the page.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child != null));
  return element;
}
const list = (value) => (Array.isArray(value) ? value : []);
const text = (value) => (typeof value === 'string' ? value : '');
const web = (url) => (/^https?:\/\//.test(text(url)) || text(url).startsWith('/files/') ? url : '');
const post = (path, body) => fetch(path, {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
});

function link(url, title) {
  return web(url) && make('a', { className: 'button', href: url, target: '_blank', rel: 'noopener' }, title);
}

function choice(entry, item) {
  if (item.type === 'url') return link(item.url, text(item.title)) || null;
  const pick = () => write({ thread: entry.thread, body: item.title, reply_to: entry.id, payload: item.payload });
  return make('button', { type: 'button', onclick: pick }, text(item.title));
}

function card(entry, content) {
  const picture = web(content.attachment_url);
  return make('div', { className: 'card' },
    picture && make('img', { src: picture, alt: '' }),
    make('b', {}, text(content.title)), text(content.subtitle),
    make('div', { className: 'choices' },
      link(content.url, text(content.url_text) || text(content.url)) || null,
      ...list(content.items).map((item) => choice(entry, item))));
}

// What an agent sent instead of mere text.
function structured(entry) {
  const content = entry.structured;
  const items = (draw) => list(content.items).map((item) => draw(entry, item));
  switch (content?.type) {
    case 'select': return make('div', { className: 'choices' }, ...items(choice));
    case 'rich_link': case 'template': return card(entry, content);
    case 'carousel': return make('div', { className: 'cards' }, ...items(card));
    default: return null;
  }
}

function file({ url, name, image }) {
  if (!web(url)) return null;
  const inside = image ? make('img', { src: url, alt: text(name) }) : text(name) || 'A file';
  return make('a', { href: url, target: '_blank', rel: 'noopener' }, inside);
}

function draw(entry) {
  return make('div', { className: entry.desk ? 'entry desk' : 'entry', id: entry.id },
    make('span', { className: 'who' }, text(entry.name)), ' ',
    make('time', { dateTime: entry.at }, date.format(new Date(entry.at))),
    entry.body && make('p', {}, text(entry.body)), structured(entry), ...list(entry.files).map(file));
}

function thread(id) {
  if (threads.has(id)) return threads.get(id);
  const entries = make('div'), typing = make('p', { className: 'hint' });
  const answer = make('textarea', { name: 'body', maxLength: 2000, required: true, placeholder: 'Answer…' });
  answer.setAttribute('aria-label', 'Your answer');
  const form = make('form', {}, make('div', { className: 'row' }, answer, make('button', {}, 'Answer')),
    make('p', { className: 'hint', role: 'alert' }));
  const box = { article: make('article', {}, entries, typing, form), entries, typing };
  form.onsubmit = (event) => submit(event, id);
  // What is being written is shown to the agents, at most every two seconds.
  let told = 0;
  answer.oninput = () => {
    if (Date.now() - told < 2000) return;
    told = Date.now();
    post('/typing', { thread: id, text: answer.value });
  };
  answer.onblur = () => { if (told) post('/typing', { thread: id, text: '' }); told = 0; };
  threads.set(id, box);
  return box;
}

async function write(entry) {
  const answer = await post('/book', { name: nameField.value || 'A guest', ...entry });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.message);
  localStorage.setItem('name', nameField.value);
  await look();
}

async function submit(event, threadId) {
  event.preventDefault();
  const form = event.target, button = form.querySelector('button'), hint = form.querySelector('[role=alert]');
  const picked = form.elements.file?.files[0];
  button.disabled = true;
  try {
    const entry = { thread: threadId, body: form.elements.body.value };
    if (picked) {
      const url = await new Promise((done) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result);
        reader.readAsDataURL(picked);
      });
      entry.file = { name: picked.name, content: url.slice(url.indexOf(',') + 1) };
    }
    await write(entry);
    form.elements.body.value = '';
    if (picked) form.elements.file.value = '';
    hint.textContent = '';
  } catch (trouble) {
    hint.textContent = trouble.message;
  }
  button.disabled = false;
}
document.querySelector('#new').onsubmit = (event) => submit(event);

async function look() {
  const told = await (await fetch('/book?version=' + version)).json();
  for (const box of threads.values()) {
    const waits = told.waiting[box.id];
    const queue = waits && 'You are number ' + waits.position + ' in the queue: about ' + waits.seconds + ' seconds.';
    box.typing.textContent = told.typing[box.id] ? 'Somebody is writing an answer…' : queue || '';
  }
  if (!told.threads) return;
  version = told.version;
  const articles = told.threads.map(({ id, top, entries }) => {
    const box = Object.assign(thread(id), { id });
    box.article.classList.toggle('top', top);
    box.entries.replaceChildren(...entries.map(draw));
    for (const entry of entries) {
      // Whoever began the thread has seen the answer: the agents see that.
      if (!entry.desk || entry.seen || shown[entry.id] || !entries.some((other) => other.mine)) continue;
      shown[entry.id] = true;
      post('/seen', { id: entry.id });
    }
    return box.article;
  });
  // Only what changed its place is moved, so that nobody loses what they are writing.
  articles.forEach((article, at) => {
    if (book.children[at] !== article) book.insertBefore(article, book.children[at] ?? null);
  });
  while (book.children.length > articles.length) book.lastChild.remove();
}

look();
setInterval(() => look().catch(() => {}), 2000);
</script>
</html>
`;

main().catch((trouble) => {
  console.error(trouble.message);
  process.exit(1);
});
