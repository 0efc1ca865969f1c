// `_chatq`: the commands that pages push, before or after this script has come. A bad one is said in the console and
// changes nothing.

import { complain, type Data, EVENTS, guarded } from './events.ts';
import type { AddedMessage, Identity, Translations } from '../protocol.ts';

export interface Receiver {
  identify(identity: Identity | null, jwt: string | null): void;
  variable(name: string, value: unknown): void;
  configuration(embedded: boolean, parentNodeId: string): void;
  listen(event: string, handler: (data: Data) => void): void;
  addMessage(message: AddedMessage): void;
  pageChange(): void;
  translate(translations: Translations): void;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const FIELDS = ['screenname', 'avatar_url', 'firstname', 'lastname', 'company', 'email', 'uuid'] as const;

/** The documented fields, as texts; numbers are taken for ids. */
function identityOf(given: Record<string, unknown>): Identity {
  const identity: Identity = {};
  for (const field of FIELDS) {
    const value = given[field];
    if (['string', 'number'].includes(typeof value)) identity[field] = String(value);
  }
  if (isObject(given.extra_values)) identity.extra_values = given.extra_values;
  return identity;
}

/** What a command does with what it was given; false when it cannot use it. */
type Command = (to: Receiver, one: unknown, two: unknown) => boolean;

const COMMANDS: Record<string, Command> = {
  _setIdentity(to, identity) {
    if (!isObject(identity)) return false;
    to.identify(identityOf(identity), null);
    return true;
  },
  _setSignedIdentity(to, jwt) {
    if (typeof jwt !== 'string' || jwt.split('.').length !== 3) return false;
    to.identify(null, jwt);
    return true;
  },
  _fillCustomVariable(to, name, value) {
    if (typeof name !== 'string' || !name.startsWith('custom_')) return false;
    to.variable(name, value);
    return true;
  },
  _setConfiguration(to, options) {
    if (!isObject(options)) return false;
    const { embedded, parentNodeId } = options;
    if (embedded && typeof parentNodeId !== 'string') return false;
    to.configuration(!!embedded, String(parentNodeId));
    return true;
  },
  _onEvent(to, event, handler) {
    if (!EVENTS.includes(event as (typeof EVENTS)[number]) || typeof handler !== 'function') return false;
    to.listen(event as string, handler as (data: Data) => void);
    return true;
  },
  _addMessage(to, message) {
    if (!isObject(message)) return false;
    const { body = '', agent, engage } = message;
    if (typeof body !== 'string') return false;
    to.addMessage({ body, agent: agent === true, engage: engage === true });
    return true;
  },
  _pageChange(to) {
    to.pageChange();
    return true;
  },
  _addTranslations(to, translations) {
    if (!isObject(translations)) return false;
    to.translate(translations as Translations);
    return true;
  },
};

function run(command: unknown, to: Receiver): void {
  const [name, one, two] = Array.isArray(command) ? command : [];
  if (typeof name !== 'string' || !Object.hasOwn(COMMANDS, name)) {
    complain('no such command:', command);
    return;
  }
  guarded(() => {
    if (!COMMANDS[name]!(to, one, two)) complain('bad arguments:', command);
  });
}

/** Takes the page's queue over: runs what is in it, and from now on whatever is pushed. */
export function takeOver(global: { _chatq?: unknown }, to: Receiver): void {
  const waiting = Array.isArray(global._chatq) ? (global._chatq as unknown[]) : [];
  const queue: unknown[] = [];
  queue.push = (...commands: unknown[]) => {
    for (const command of commands) run(command, to);
    return 0;
  };
  global._chatq = queue;
  queue.push(...waiting);
}
