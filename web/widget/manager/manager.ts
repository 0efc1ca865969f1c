// The chat manager: follows the visit, decides which triggers are met, shows what they offer, and launches the chat.

import { Gate } from '../targeting/availability.ts';
import { type BuiltIn, decide, type Decision, type Execution } from '../targeting/engine.ts';
import { coerce } from '../targeting/operators.ts';
import { Store } from '../targeting/store.ts';
import type { Trigger, Values } from '../targeting/types.ts';
import type { AddedMessage, Config, Identity, Item, Translations } from '../protocol.ts';
import { takeOver, type Receiver } from './commands.ts';
import { complain, type Data, Events, itemData, triggerData } from './events.ts';
import type { Host, Origin, Shell } from './host.ts';
import { canShow, Items } from './items.ts';
import { load } from './load.ts';
import { found, watch } from './page.ts';
import { Server } from './server.ts';

/** Timers of browsers wait no longer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class Manager implements Receiver, Host {
  readonly store: Store;
  decision: Decision | undefined;
  identity: Identity | null = null;
  jwt: string | null = null;
  embedded = false;
  readonly translations: Translations[] = [];
  #events = new Events();
  fire = this.#events.fire.bind(this.#events);
  listen = this.#events.listen.bind(this.#events);
  #items = new Items();
  #server: Server;
  #gate: Gate;
  /** Where the window is embedded. */
  #parent = '';
  /** The chat is shown, or on its way. */
  #launched = false;
  #shell: Shell | undefined;
  /** What the launcher is to do once it has come. */
  #waiting: ((shell: Shell) => void)[] = [];
  #openThreads: boolean | undefined;
  #asking = false;
  #executed = new Set<string>();
  #activated = new Set<string>();
  #offline = new Set<string>();
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly config: Config,
    readonly base: string,
    private readonly nonce: string | undefined,
  ) {
    const now = () => Date.now();
    const id = () => Math.random().toString(36).slice(2);
    this.store = new Store(storage(), `frontdesk.${config.token}`, now, id);
    this.#server = new Server(config, base);
    this.#gate = new Gate(this.#server.availability, Math.random, now, this.soon);
  }

  start(): void {
    this.#open();
    takeOver(window as { _chatq?: unknown }, this);
    watch(this.#looksAtElements(), this.soon);
    // Other tabs of the site; without a key, everything was emptied.
    addEventListener('storage', ({ key }) => key?.startsWith('frontdesk.') !== false && this.soon());
    addEventListener('pagehide', () => this.store.change());
    // A page that comes back, from the history or to the front, may have slept through a moment.
    addEventListener('pageshow', ({ persisted }) => persisted && this.pageChange());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.store.change();
      else this.soon();
    });
    this.fire('started');
    this.#update();
  }

  // The commands of the page.

  identify(identity: Identity | null, jwt: string | null): void {
    this.identity = identity;
    this.jwt = jwt;
    const uuid = this.uuid();
    const before = this.store.state.chat.uuid;
    // Somebody else: what was begun is not theirs.
    if (uuid !== null && before !== null && before !== uuid) {
      this.store.change((state) => {
        state.session = null;
        state.chat.engaged = false;
      });
    }
    this.#openThreads = undefined;
    this.#shell?.send({ type: 'identity', identity, jwt });
    this.soon();
  }

  variable(name: string, value: unknown): void {
    // One that is not configured is kept all the same: agents see it.
    const type = this.config.variables?.find((variable) => variable.name === name)?.type ?? 'string';
    this.store.note({ [name]: coerce(type, value) });
    this.#shell?.tellPage();
    this.soon();
  }

  configuration(embedded: boolean, parentNodeId: string): void {
    if (embedded && this.config.mode !== 'messaging') {
      complain('only messaging can be embedded.');
      return;
    }
    this.embedded = embedded;
    this.#parent = parentNodeId;
    this.soon();
  }

  addMessage(message: AddedMessage): void {
    if (this.#launched) this.#withShell((shell) => shell.send({ type: 'add_message', ...message }));
    else complain('_addMessage: the chat is not shown.');
  }

  pageChange(): void {
    for (const set of [this.#executed, this.#activated, this.#offline]) set.clear();
    this.#gate.reset();
    this.#open();
    this.#shell?.tellPage();
    this.soon();
  }

  translate(translations: Translations): void {
    this.translations.push(translations);
    this.#shell?.send({ type: 'translations', translations });
  }

  // For the toolbar.

  /** All values of the visit, the current page first. */
  values(): Values[] {
    return this.store.values();
  }

  reset(): void {
    this.#shell?.close();
    this.closed();
    this.#items.hideAll();
    this.store.reset();
    this.#openThreads = undefined;
    this.pageChange();
  }

  // Deciding.

  soon = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#update();
    });
  };

  #update(): void {
    const { config, store } = this;
    this.#look();
    // The visitor has left the chat in another tab, or was away for so long that the visit has ended.
    if (this.#shell?.attached && !store.state.chat.shown) this.#shell.leave();
    const { visit } = store.state;
    const decision = decide(config.triggers ?? [], {
      now: Date.now(),
      pages: store.values(),
      variables: config.variables ?? [],
      mode: config.mode,
      embedded: this.embedded,
      engaged: this.isEngaged(),
      openThreads: this.#knownThreads(),
      executed: this.#executed,
      executedInVisit: new Set(visit.executed),
      stoppedBy: visit.stopped_by ?? undefined,
      available: this.#gate.open,
      worksOffline: (trigger) => this.#itemsOf(trigger).some((item) => item.offline),
      hasPlace: (trigger) => this.#itemsOf(trigger).every(canShow),
    });
    this.decision = decision;
    if (decision.builtIn) this.#continue(decision.builtIn);
    for (const execution of decision.run) this.#execute(execution);
    if (decision.ask.length) void this.#gate.request(decision.ask);
    clearTimeout(this.#timer);
    const next = Math.min(decision.next, this.#gate.next());
    if (next < Infinity) {
      // One millisecond more: a timer may come a little early.
      this.#timer = setTimeout(this.soon, Math.min(Math.max(next - Date.now(), 0) + 1, TIMER_MS_MAX));
    }
    dispatchEvent(new Event('frontdesk:decided'));
  }

  #open(): void {
    this.store.open(location.href, document.title);
  }

  /** Notes what the page says now. The address changes with `_pageChange` only, but for its anchor. */
  #look(): void {
    const { store, config } = this;
    const { href } = location;
    const same = store.page?.url.split('#')[0] === href.split('#')[0];
    const chat_shown = this.#launched;
    const signed_identity = this.jwt !== null;
    const values = {
      ...found(config.variables ?? []),
      chat_shown,
      chat_opened: chat_shown && store.state.chat.opened,
      identity: signed_identity || this.identity !== null,
      signed_identity,
    };
    if (store.note(values, { title: document.title, ...(same && { url: href }) })) this.#shell?.tellPage();
  }

  #looksAtElements(): boolean {
    const { variables = [], items = [], triggers = [] } = this.config;
    const byTitle = triggers.some(({ conditions = [] }) => conditions.some((each) => each.criterion === 'page_title'));
    return byTitle || variables.some((variable) => variable.selector) || items.some((item) => item.position === 'fixed');
  }

  uuid(): string | null {
    return this.jwt === null ? (this.identity?.uuid ?? null) : claimedUuid(this.jwt);
  }

  /** A conversation with a signed person goes on only when the page says again who it is. */
  isEngaged(): boolean {
    const { engaged, signed, uuid } = this.store.state.chat;
    return engaged && (!signed || (this.jwt !== null && this.uuid() === uuid));
  }

  /** Asks the server whether there are open conversations, unless nobody can know of any. */
  #knownThreads(): boolean | undefined {
    if (this.config.mode !== 'messaging' || this.embedded || this.isEngaged()) return false;
    const { jwt } = this;
    const who = { session: this.store.state.session, jwt, uuid: this.uuid() };
    if (!who.session && !jwt && !who.uuid) return false;
    // A chat that is shown already says by itself what it has.
    if (this.#openThreads === undefined && this.#launched) return false;
    if (this.#openThreads === undefined && !this.#asking) {
      this.#asking = true;
      const answer = (open: boolean) => {
        this.#asking = false;
        // Who it is about may have changed meanwhile; then it is asked again.
        if (this.jwt === jwt && this.uuid() === who.uuid) this.#openThreads = open;
        this.soon();
      };
      this.#server.openThreads(who).then(answer, () => answer(false));
    }
    return this.#openThreads;
  }

  // Doing.

  #continue(kind: BuiltIn): void {
    if (this.#launched && this.#shell?.attached !== false) return;
    const { chat, visit } = this.store.state;
    const embedded = kind === 'embedded';
    if (embedded && !this.#place()) return;
    const data = triggerData(null, kind[0]!.toUpperCase() + kind.slice(1), !embedded || this.isEngaged());
    // Whoever has put a window away that came by itself does not get it opened again during this visit.
    const open = embedded || (kind === 'continuation' ? chat.opened : !visit.executed.includes('minimised'));
    for (const event of ['trigger_activated', 'trigger_executed'] as const) this.fire(event, data, { mode: 'online' });
    this.#launch({ id: null, data, message: null }, open);
  }

  #itemsOf({ actions }: Trigger): Item[] {
    const ids = [actions?.button, actions?.invitation];
    return (this.config.items ?? []).filter((item) => ids.includes(item.id));
  }

  #execute({ trigger, mode, hasPlace }: Execution): void {
    const { id, label, stops_others } = trigger;
    const data = triggerData(id, label, false);
    const marker = `${id} ${mode}`;
    const tell = (name: Parameters<Events['fire']>[0], more?: Data) => this.fire(name, data, { mode }, more ?? {});
    if (!this.#activated.has(marker)) {
      this.#activated.add(marker);
      tell('trigger_activated');
    }
    const online = mode === 'online';
    const items = this.#itemsOf(trigger).filter((item) => online || item.offline);
    if (!hasPlace || (!online && this.#offline.has(id))) return;
    if (online) {
      this.#executed.add(id);
      this.store.change(({ visit }) => {
        if (!visit.executed.includes(id)) visit.executed.push(id);
        if (stops_others) visit.stopped_by = id;
      });
    } else {
      this.#offline.add(id);
    }
    tell('trigger_executed');
    const { show, message = null, hide_items } = trigger.actions ?? {};
    const launch = (open: boolean) => {
      if (trigger.language && !this.#launched) this.store.change(({ chat }) => (chat.locale = trigger.language!));
      this.#launch({ id, data, message }, open);
    };
    if (hide_items) this.#items.hideAll();
    for (const item of items) {
      const act = () => {
        this.#items.used(item);
        launch(true);
      };
      if (!this.#items.show(item, mode, act)) continue;
      for (const event of [`${item.type}_shown`, 'item_shown'] as const) tell(event, itemData(item));
    }
    if (online && show) launch(show === 'open');
  }

  // The chat.

  /** The element in which the chat is embedded; nothing while the page has none. */
  #place(): HTMLElement | null {
    return document.getElementById(this.#parent);
  }

  #launch(origin: Origin, open: boolean): void {
    this.#launched = true;
    this.#items.behind(true);
    this.#withShell((shell) => shell.show(origin, open, this.embedded ? this.#place() : null));
    this.soon();
  }

  #withShell(what: (shell: Shell) => void): void {
    if (this.#shell) {
      what(this.#shell);
      return;
    }
    if (this.#waiting.push(what) > 1) return;
    load(this.config.assets.launcher, this.base, this.nonce, () => {
      complain('the chat could not be loaded.');
      this.#waiting = [];
      this.closed();
    });
  }

  /** The launcher has come. */
  launcher(shell: Shell): void {
    this.#shell = shell;
    for (const what of this.#waiting.splice(0)) what(shell);
    this.soon();
  }

  closed(): void {
    this.#launched = false;
    this.#items.behind(false);
  }
}

/** Nothing where the site's storage is blocked; even asking for it may be refused. */
function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** Who a signed identity claims to be. Only the server can tell whether it is true. */
function claimedUuid(jwt: string): string | null {
  try {
    const payload = atob(jwt.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'));
    return String(JSON.parse(payload).uuid ?? '') || null;
  } catch {
    return null;
  }
}
