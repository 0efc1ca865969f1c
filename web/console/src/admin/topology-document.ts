// The document of a topology, read out of its JSON, changed as a whole and written again. Pure. What it means is said in
// docs/integrator/routing.md; whether it can work is for the server to say.

export interface When {
  channel_ids?: string[];
  source_ids?: string[];
  category_ids?: string[];
  languages?: string[];
  priority_over?: number;
}

export interface Who {
  everyone?: boolean;
  last_agent?: boolean;
  team_ids?: string[];
  agent_ids?: string[];
  category_match?: boolean;
  language_match?: boolean;
}

export interface Step {
  name: string;
  when?: When;
  agents?: Who;
  offer?: string;
  ring?: string | number;
  for?: string | number;
  next?: string;
}

export interface Queue {
  name: string;
  next?: string;
}

export interface Document {
  version?: number;
  start?: string;
  steps: Step[];
  queues?: Queue[];
}

/** What tasks wait at most in a step after which another one is put, unless somebody says otherwise. */
const PATIENCE = '5m';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Nothing counts as absent, as for the server. */
const has = (value: unknown, ...types: string[]): boolean => value === undefined || value === null || types.includes(typeof value);
const isTexts = (value: unknown): boolean => has(value) || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
const parts = (value: unknown, lists: string[], rest: [name: string, type: string][]): boolean =>
  has(value) || (isObject(value) && lists.every((name) => isTexts(value[name])) && rest.every(([name, type]) => has(value[name], type)));

const isStep = (value: unknown): value is Step =>
  isObject(value) &&
  typeof value.name === 'string' &&
  parts(value.when, ['channel_ids', 'source_ids', 'category_ids', 'languages'], [['priority_over', 'number']]) &&
  parts(value.agents, ['team_ids', 'agent_ids'], ['everyone', 'last_agent', 'category_match', 'language_match'].map((name) => [name, 'boolean'])) &&
  [value.offer, value.next].every((one) => has(one, 'string')) &&
  [value.ring, value.for].every((one) => has(one, 'string', 'number'));

const isQueue = (value: unknown): value is Queue => isObject(value) && typeof value.name === 'string' && has(value.next, 'string');

const tidy = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(tidy);
  return isObject(value) ? Object.fromEntries(Object.entries(value).flatMap(([name, one]) => (one === null ? [] : [[name, tidy(one)]]))) : value;
};

/** Nothing for what is no JSON, or has no steps as the form shows them. */
export function read(text: string): Document | undefined {
  try {
    const found: unknown = JSON.parse(text);
    if (!isObject(found) || !has(found.start, 'string')) return undefined;
    const { steps, queues = [] } = found;
    const isOne = Array.isArray(steps) && steps.every(isStep) && Array.isArray(queues) && queues.every(isQueue);
    return isOne ? (tidy(found) as Document) : undefined;
  } catch {
    return undefined;
  }
}

export const write = (document: Document): string => JSON.stringify(document, null, 2);

type Loose<T> = { [Name in keyof T]?: T[Name] | undefined };

/** Without what says nothing: so the document stays as short as it would be by hand. */
export function concise<T extends object>(value: Loose<T>): T {
  const says = (one: unknown): boolean => one !== undefined && one !== null && one !== false && one !== '' && !(Array.isArray(one) && !one.length) && !(isObject(one) && !Object.keys(one).length);
  return Object.fromEntries(Object.entries(value).filter(([, one]) => says(one))) as T;
}

/** Whether each step leads to the one below it, and nothing else is said of the way. */
const isChain = ({ start, steps }: Document): boolean => (start ?? steps[0]?.name) === steps[0]?.name && steps.every(({ next }, at) => (next ?? undefined) === steps[at + 1]?.name);

const chained = ({ start: _, ...document }: Document): Document => ({ ...document, steps: document.steps.map((step, at) => concise<Step>({ ...step, next: document.steps[at + 1]?.name })) });

const led = <T extends { next?: string }>(one: T, from: string, to: string | undefined): T => (one.next === from ? concise<T>({ ...one, next: to } as Loose<T>) : one);

/** Whatever led to a step leads to another place. */
function leading(document: Document, from: string, to: string | undefined): Document {
  const { start, steps, queues } = document;
  return concise<Document>({ ...document, start: start === from ? to : start, steps: steps.map((step) => led(step, from, to)), queues: queues?.map((queue) => led(queue, from, to)) });
}

export const withStep = (document: Document, at: number, step: Step): Document => ({ ...document, steps: document.steps.with(at, step) });

/** What led to it leads to it under its new name. */
export function renamed(document: Document, at: number, name: string): Document {
  const before = document.steps[at]!;
  return leading(withStep(document, at, { ...before, name }), before.name, name);
}

/** One place up or down. Where each step leads to the next one, they still do. */
export function moved(document: Document, at: number, by: -1 | 1): Document {
  const steps = document.steps.with(at, document.steps[at + by]!).with(at + by, document.steps[at]!);
  const after = { ...document, steps };
  return isChain(document) ? chained(after) : after;
}

/** What led to it leads to where it led. */
export function without(document: Document, at: number): Document {
  const { name, next } = document.steps[at]!;
  return leading({ ...document, steps: document.steps.toSpliced(at, 1) }, name, next === name ? undefined : next);
}

/** At the end. The step that was the last one leads to it, and must let go of tasks for that. */
export function added(document: Document, step: Step): Document {
  const last = document.steps.at(-1);
  const steps = last && !last.next ? document.steps.with(-1, { ...last, for: last.for ?? PATIENCE, next: step.name }) : document.steps;
  return { ...document, steps: [...steps, step] };
}

/** A name that nothing here has. */
export function free(document: Document, wanted: string): string {
  const taken = [...document.steps, ...(document.queues ?? [])].map(({ name }) => name);
  for (let count = 1; ; count++) {
    const name = count === 1 ? wanted : `${wanted} ${count}`;
    if (!taken.includes(name)) return name;
  }
}

export const withQueues = ({ queues: _, ...document }: Document, queues: Queue[]): Document => (queues.length ? { ...document, queues } : document);

/** Something that the server says is wrong, and of what. */
export interface Fault {
  /** Nothing for the whole. */
  list?: 'steps' | 'queues' | 'start';
  /** Which of the list. */
  at?: number;
  /** Its part, such as `next` or `team_ids`. */
  part?: string;
  reason: string;
}

const FAULT = /^json_config: (?:(?:(steps|queues)\[(\d+)\]((?:\.\w+(?:\[\d+\])?)*)|(start)) )?(.)(.*)$/;

/** What the server said, a line each, by what it is about. */
export function faultsOf(problem: string | undefined): Fault[] {
  const lines = (problem ?? '').split('\n').filter(Boolean);
  return lines.map((line) => {
    const found = FAULT.exec(line);
    if (!found) return { reason: line };
    const [, list = found[4], at, path = '', , first = '', rest = ''] = found;
    const part = [...path.matchAll(/\.(\w+)/g)].at(-1)?.[1];
    return { ...(list && { list: list as 'steps' }), ...(at && { at: Number(at) }), ...(part && { part }), reason: first.toUpperCase() + rest };
  });
}
