// What every bot needs: the REST API, the webhook, and one conversation. Node 18 or newer, nothing to install.
//
// Settings: FRONTDESK_URL, FRONTDESK_TOKEN (of the bot's own user), BOT_PORT (9200), BOT_URL (where Frontdesk reaches the
// bot, http://127.0.0.1:9200/), BOT_HUMAN_CATEGORY (the category of threads that wait for people, if there is one).
'use strict';

const crypto = require('node:crypto');
const http = require('node:http');

const EVENT_BYTES_MAX = 1024 * 1024;
const EVENT_AGE_SECONDS_MAX = 3600; // nobody wants an answer to what they asked long ago
const CLOCK_SECONDS_MAX = 300; // between the time of a signature and ours
const TOPIC_FIELD = 'last_topic'; // a custom field of identity groups
const PERMANENT = [400, 403, 404, 422]; // refusals that another attempt would meet again

const { FRONTDESK_URL, FRONTDESK_TOKEN, BOT_HUMAN_CATEGORY } = process.env;
const port = Number(process.env.BOT_PORT ?? 9200);
const url = process.env.BOT_URL ?? `http://127.0.0.1:${port}/`;
let me = '';

class Refused extends Error {
  constructor(status, text) {
    super(`${status}: ${text}`);
    this.status = status;
    this.text = text;
  }

  /** Whether this is the reason, as `error` or as the `type` of one of `errors`. */
  isAbout(reason) {
    try {
      const { error, errors = [] } = JSON.parse(this.text);
      return error === reason || errors.some(({ type }) => type === reason);
    } catch {
      return false;
    }
  }
}

async function call(method, path, body, key) {
  const headers = { Authorization: `Bearer ${FRONTDESK_TOKEN}`, 'Content-Type': 'application/json' };
  if (key) headers['Idempotency-Key'] = key; // sent twice, it happens once
  const request = { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(5000) };
  const answer = await fetch(`${FRONTDESK_URL}/1.0${path}`, request);
  if (!answer.ok) throw new Refused(answer.status, await answer.text());
  return answer.json();
}

/** One customer's message, and what can be done about it. The event's id makes every step happen once. */
class Conversation {
  constructor(event) {
    this.eventId = event.id;
    this.contentId = event.resource.id;
  }

  /** Engages the customer, unless that is somebody's business already. */
  async take() {
    this.content = await call('GET', `/contents/${this.contentId}`);
    if (this.content.intervention_id) return this.isMine();
    try {
      this.interventionId = (await this.post('/bots/engage', { content_id: this.contentId }, 'engage')).id;
      return true;
    } catch (refused) {
      if (refused.status !== 422) throw refused;
      // Somebody was quicker; that may have been this bot, at the customer's message before.
      this.content = await call('GET', `/contents/${this.contentId}`);
      return this.isMine();
    }
  }

  /** What a person has, or waits for one after a handover, is not the bot's. */
  async isMine() {
    if (!this.content.intervention_id) return false;
    const intervention = await call('GET', `/interventions/${this.content.intervention_id}`);
    if (intervention.user_id !== me) return false;
    this.interventionId = intervention.id;
    return true;
  }

  /** Answers, once: at a repeat of the event nothing is said, whatever the text would be now. */
  async say(body) {
    const content = { in_reply_to_id: this.contentId, body, auto_submitted: true };
    try {
      await this.post('/contents', content, 'say');
    } catch (refused) {
      if (refused.isAbout?.('idempotency_key_reused')) return;
      if (!refused.isAbout?.('intervention_closed')) throw refused;
      // It was resolved with the customer's message before.
      await this.post('/bots/engage', { content_id: this.contentId }, 'reopen');
      await this.post('/contents', content, 'say');
    }
  }

  /** What people should know of this customer. */
  async note(topic) {
    const group = `/identities/${this.content.author_id}/identity_group`;
    try {
      await call('PUT', group, { custom_field_values: { [TOPIC_FIELD]: topic } });
    } catch (refused) {
      console.error(`the topic was not noted: ${refused.message}`);
    }
  }

  resolve() {
    return this.post('/bots/complete', { intervention_id: this.interventionId }, 'complete');
  }

  /** To people: tells the customer what to expect, and the agent why. */
  async handOver(reason) {
    await this.say(
      (await this.isAnAgentAvailable())
        ? 'I am putting you through to a colleague.'
        : 'I am passing this on: a colleague will answer you here as soon as possible.',
    );
    const id = { intervention_id: this.interventionId };
    await this.post('/intervention_comments', { ...id, body: reason }, 'comment');
    const handover = { from: 'bot', to: 'agent', type: 'engage_virtual_agent', ...id };
    if (BOT_HUMAN_CATEGORY) handover.thread_category_ids = [BOT_HUMAN_CATEGORY];
    await this.post('/bots/handover', handover, 'handover');
  }

  /**
   * Whether anybody could take it: an agent who is available, and not full, on the channel of its source. Where that is
   * not known, nothing is promised.
   */
  async isAnAgentAvailable() {
    try {
      const source = await call('GET', `/content_sources/${this.content.source_id}`);
      const category = BOT_HUMAN_CATEGORY ? `&category_ids[]=${BOT_HUMAN_CATEGORY}` : '';
      const agents = await call('GET', `/status?source_ids[]=${source.id}${category}`);
      const others = agents.filter((agent) => agent.agent_id !== me);
      const channels = others.flatMap((agent) => agent.channels).filter(({ id }) => id === source.channel_id);
      return channels.some((channel) => channel.status === 'available' && channel.busyness !== 'full');
    } catch (refused) {
      if (refused instanceof Refused) return false;
      throw refused;
    }
  }

  post(path, body, step) {
    return call('POST', path, body, `${this.eventId}-${step}`);
  }
}

/** A customer's message that nobody has, or that came into a conversation which may be this bot's. */
function isForBots({ type, issued_at: issuedAt, resource }) {
  if (type !== 'content.imported') return false;
  const isRecent = Date.now() - Date.parse(issuedAt) < EVENT_AGE_SECONDS_MAX * 1000;
  return isRecent && !resource.metadata.creator_id && ['new', 'assigned'].includes(resource.metadata.status);
}

const verifyToken = crypto.randomBytes(16).toString('hex');
const secret = crypto.randomBytes(16).toString('hex');
let signingKey = crypto.randomBytes(32); // until the webhook is registered nobody knows it

function same(given, expected) {
  const digest = (text) => crypto.createHash('sha256').update(String(text)).digest();
  return crypto.timingSafeEqual(digest(given), digest(expected));
}

/** As the Standard Webhooks specification says: nobody else wrote this, and not long ago. */
function isSigned(headers, body) {
  const [id, at] = [headers['webhook-id'] ?? '', headers['webhook-timestamp'] ?? ''];
  if (!/^\d+$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > CLOCK_SECONDS_MAX) return false;
  const expected = `v1,${crypto.createHmac('sha256', signingKey).update(`${id}.${at}.`).update(body).digest('base64')}`;
  return (headers['webhook-signature'] ?? '').split(' ').some((given) => same(given, expected));
}

/** What Frontdesk calls: a challenge when the webhook is registered, then events. Returns status and text. */
async function receive(request, answer) {
  if (!same(request.headers['x-dimelo-secret'] ?? '', secret)) return [403, 'This is not from Frontdesk.'];
  if (request.method === 'GET') {
    const asked = new URL(request.url, 'http://bot').searchParams;
    const isKnown = asked.get('hub.mode') === 'subscribe' && same(asked.get('hub.verify_token'), verifyToken);
    return isKnown ? [200, asked.get('hub.challenge') ?? ''] : [403, 'This is not for me.'];
  }
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > EVENT_BYTES_MAX) return [413, 'This is too large.'];
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (!isSigned(request.headers, body)) return [403, 'This is not from Frontdesk.'];
  for (const event of JSON.parse(body).events.filter(isForBots)) await takeCare(new Conversation(event), answer);
  return [200, ''];
}

/** Answers, if the conversation is the bot's. What the bot fails at goes to people. */
async function takeCare(conversation, answer) {
  if (!(await conversation.take())) return;
  try {
    await answer(conversation);
  } catch (trouble) {
    if (isForAMoment(trouble)) throw trouble;
    console.error('the bot failed:', trouble.message);
    await conversation.handOver('The bot failed.');
  }
}

/** Whether all may be well when Frontdesk sends the event again: it was busy, or could not be reached. */
function isForAMoment(trouble) {
  if (trouble instanceof Refused) return !PERMANENT.includes(trouble.status);
  return trouble.name === 'TimeoutError' || trouble.message === 'fetch failed';
}

/** Registers the webhook; after a restart the one of before, so that nothing is lost that happened meanwhile. */
async function register() {
  const events = ['content.imported'];
  const wish = { url, name: 'Bot', active: true, registered_events: events, verify_token: verifyToken, secret };
  const known = (await call('GET', '/webhooks?limit=150')).records.find((webhook) => webhook.url === url);
  if (known) await call('PUT', `/webhooks/${known.id}`, wish);
  const webhook = known
    ? await call('POST', `/webhooks/${known.id}/rotate_signing_secret`, {})
    : await call('POST', '/webhooks?extended=true', wish);
  signingKey = Buffer.from(webhook.signing_secret.replace(/^whsec_/, ''), 'base64');
  let state;
  do {
    await new Promise((resolve) => setTimeout(resolve, 200));
    state = await call('GET', `/webhooks/${webhook.id}?extended=true`);
  } while (state.webhook_status === 'verifying');
  if (!state.active) throw new Error(`the webhook is ${state.webhook_status}: ${state.error}`);
}

/** Listens, registers, and gives every conversation that is the bot's to `answer`. */
async function serve(answer) {
  const server = http.createServer(async (request, response) => {
    const [status, text] = await receive(request, answer).catch((trouble) => {
      console.error('trouble:', trouble.message);
      return isForAMoment(trouble) ? [500, 'Try again later.'] : [200, ''];
    });
    response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text);
  });
  try {
    me = (await call('GET', '/users/me')).id;
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    await register();
    console.log('The bot listens.');
  } catch (trouble) {
    console.error(trouble.message);
    process.exit(1);
  }
}

module.exports = { serve };
