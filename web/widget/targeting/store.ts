// What is remembered of a visitor in the browser, and nowhere else: visits, page views, what was executed, how the chat
// stood. One entry of localStorage per source; all tabs of the site share it. Where storage is blocked or full, or holds
// something strange, the page goes on with what fits into memory.

import { clockValues } from './conditions.ts';
import type { Values } from './types.ts';

/** A visit ends after this time without a sign of the visitor. */
export const VISIT_IDLE_MS = 24 * 60 * 60 * 1000;
/** Page views of a visit that are kept: the newest ones, and the first. */
export const PAGES_MAX = 100;
/** Characters of an address, a title or a text value that are kept. */
export const TEXT_MAX = 1000;
/** Custom variables of one page. */
export const VARIABLES_MAX = 50;
/** Characters of the whole entry; beyond, the oldest pages go. */
export const STORED_MAX = 200_000;
/** Things remembered of a visit, such as triggers executed and messages shown. */
const LIST_MAX = 200;

export interface Page {
  id: string;
  /** Which page view of the visit it is, from 1. */
  number: number;
  url: string;
  title: string;
  /** First and last moment, ms. */
  from: number;
  to: number;
  /** Custom variables, and how chat and identity stood. */
  values: Values;
}

export interface Visit {
  id: string;
  from: number;
  /** The last sign of the visitor, ms. */
  seen: number;
  page_count: number;
  /** In the order in which they were opened, by any tab. */
  pages: Page[];
  /** Triggers executed. */
  executed: string[];
  stopped_by: string | null;
  /** Automatic messages that were shown. */
  messages: string[];
}

export interface ChatState {
  engaged: boolean;
  shown: boolean;
  opened: boolean;
  /** The person of this conversation, when the site has told who it is. */
  uuid: string | null;
  signed: boolean;
  locale: string | null;
}

export interface State {
  version: 1;
  visits: number;
  visit: Visit;
  chat: ChatState;
  /** Session of an anonymous visitor. That of a signed person is never kept. */
  session: string | null;
}

export type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem' | 'removeItem'>;

function noChat(): ChatState {
  return { engaged: false, shown: false, opened: false, uuid: null, signed: false, locale: null };
}

const cut = (text: string): string => text.slice(0, TEXT_MAX);

export class Store {
  /** The page view of this tab. It stays the tab's own even when another tab has emptied the store. */
  #page: Page | undefined;
  #raw: string | null = null;
  #state: State | undefined;

  constructor(
    private readonly storage: Storage | undefined,
    private readonly key: string,
    private readonly now: () => number,
    private readonly id: () => string,
  ) {}

  /** How things are, with what other tabs have written. */
  get state(): State {
    let raw: string | null;
    try {
      raw = this.storage ? this.storage.getItem(this.key) : this.#raw;
    } catch {
      raw = this.#raw;
    }
    if (!this.#state || raw !== this.#raw) {
      this.#raw = raw;
      this.#state = parse(raw) ?? this.#fresh(0, null);
    }
    return this.#state;
  }

  /** Changes what is remembered; a sign of the visitor. Begins the next visit if the last one has ended. */
  change(how: (state: State) => void = () => {}): State {
    const now = this.now();
    let state = this.state;
    // A clock that was set back must not make a visit last forever.
    if (!state.visits || Math.abs(now - state.visit.seen) >= VISIT_IDLE_MS) {
      state = this.#fresh(state.visits + 1, state.session);
      if (this.#page) this.#page = { ...this.#page, from: now, number: 0 };
    }
    state.visit.seen = now;
    if (this.#page) this.#put(state, this.#page, now);
    how(state);
    this.#write(state);
    return state;
  }

  /** A page view begins in this tab. */
  open(url: string, title: string): void {
    const now = this.now();
    if (this.#page) this.change();
    this.#page = { id: this.id(), number: 0, url: cut(url), title: cut(title), from: now, to: now, values: {} };
    this.change();
  }

  /** The page view of this tab; there is one from the first `open` on. */
  get page(): Page | undefined {
    return this.#page;
  }

  /** Notes values of the page of this tab; says whether any of them is new. */
  note(values: Values, where: { url?: string; title?: string } = {}): boolean {
    const page = this.#page;
    if (!page) return false;
    let changed = false;
    const room = () => Object.keys(page.values).length < VARIABLES_MAX;
    for (const [name, given] of Object.entries(values)) {
      const value = typeof given === 'string' ? cut(given) : given;
      if (page.values[name] === value || !(name in page.values || room())) continue;
      if (value === undefined) delete page.values[name];
      else page.values[name] = value;
      changed = true;
    }
    for (const name of ['url', 'title'] as const) {
      const text = where[name];
      if (text === undefined || cut(text) === page[name]) continue;
      page[name] = cut(text);
      changed = true;
    }
    if (changed) this.change();
    return changed;
  }

  /** All pages of the visit up to that of this tab, which comes first, as values. */
  values(): Values[] {
    const { visit, visits } = this.state;
    const now = this.now();
    const own = this.#page;
    const before = visit.pages.filter((page) => page.id !== own?.id && (!own || page.number < own.number));
    const pages = before.reverse().map((page) => valuesOf(page, visit, visits));
    if (own) pages.unshift({ ...valuesOf({ ...own, to: now }, visit, visits), page_visit_count: visit.page_count });
    return pages;
  }

  /** As if the visitor had never been here; the next sign begins their first visit. */
  reset(): void {
    this.#page = undefined;
    this.#state = undefined;
    this.#raw = null;
    try {
      this.storage?.removeItem(this.key);
    } catch {
      // Blocked: there was nothing in it.
    }
  }

  #fresh(visits: number, session: string | null): State {
    const now = this.now();
    const visit = { id: this.id(), from: now, seen: now, page_count: 0, pages: [], executed: [], stopped_by: null, messages: [] };
    return { version: 1, visits, visit, chat: noChat(), session };
  }

  #put({ visit }: State, page: Page, now: number): void {
    const known = visit.pages.findIndex((each) => each.id === page.id);
    if (page.number === 0) page.number = ++visit.page_count;
    page.to = now;
    if (known < 0) visit.pages.push(page);
    else visit.pages[known] = page;
    if (visit.pages.length > PAGES_MAX) visit.pages.splice(1, visit.pages.length - PAGES_MAX);
  }

  #write(state: State): void {
    const { visit } = state;
    visit.executed = visit.executed.slice(-LIST_MAX);
    visit.messages = visit.messages.slice(-LIST_MAX);
    let raw = JSON.stringify(state);
    // The first page and the current one stay.
    while (raw.length > STORED_MAX && visit.pages.length > 2) {
      visit.pages.splice(1, Math.ceil((visit.pages.length - 2) / 2));
      raw = JSON.stringify(state);
    }
    this.#state = state;
    for (;;) {
      try {
        this.storage?.setItem(this.key, raw);
        break;
      } catch {
        // Full, or blocked. Less may fit; if not even that, other tabs and the next page do not learn of it.
        if (visit.pages.length <= 2) break;
        visit.pages.splice(1, Math.ceil((visit.pages.length - 2) / 2));
        raw = JSON.stringify(state);
      }
    }
    this.#raw = this.#stored(raw);
  }

  /** What is there now; where nothing can be kept, reading must not lose what memory holds. */
  #stored(raw: string): string | null {
    if (!this.storage) return raw;
    try {
      return this.storage.getItem(this.key);
    } catch {
      return raw;
    }
  }
}

/** A page view as values of criteria and variables, as they were last. */
function valuesOf(page: Page, visit: Visit, visits: number): Values {
  const seconds = (from: number): number => Math.max(0, (page.to - from) / 1000);
  return {
    ...page.values,
    ...clockValues(page.to),
    page_url: page.url,
    page_path: pathOf(page.url),
    page_title: page.title,
    page_visit_count: page.number,
    page_visit_duration: seconds(page.from),
    visit_count: visits,
    visit_duration: seconds(visit.from),
  };
}

/** An address without scheme, domain and anchor; it begins with a slash. */
export const pathOf = (url: string): string => {
  const path = url.replace(/#.*$/s, '').replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
};

const PAGE: Page = { id: '', number: 0, url: '', title: '', from: 0, to: 0, values: {} };
const STATE: State = {
  version: 1,
  visits: 0,
  visit: { id: '', from: 0, seen: 0, page_count: 0, pages: [PAGE], executed: [''], stopped_by: null, messages: [''] },
  chat: noChat(),
  session: null,
};

/** Whether a value is made like a sample: null stands for a text or nothing, a list holds what its first one is like. */
function isLike(sample: unknown, value: unknown): boolean {
  if (sample === null) return value === null || typeof value === 'string';
  if (typeof sample !== 'object') return typeof value === typeof sample;
  if (typeof value !== 'object' || !value || Array.isArray(value) !== Array.isArray(sample)) return false;
  if (Array.isArray(sample)) return (value as unknown[]).every((each) => isLike(sample[0], each));
  return Object.entries(sample).every(([name, part]) => isLike(part, (value as Record<string, unknown>)[name]));
}

/** Reads an entry; nothing if it is not one of ours. Any script of the site may have written it. */
function parse(raw: string | null): State | undefined {
  if (!raw || raw.length > 2 * STORED_MAX) return undefined;
  try {
    const state = JSON.parse(raw);
    return isLike(STATE, state) && state.version === 1 ? state : undefined;
  } catch {
    return undefined;
  }
}
