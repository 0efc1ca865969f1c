// Asks the REST API, and says in words what went wrong.

import { credentials, end } from '../session.ts';

/** Milliseconds after which an answer is not waited for any more. */
const DEADLINE_MS = 20_000;
/** Browsers let 64 KiB of requests outlive their page. */
const OUTLIVES_BYTES_MAX = 60_000;

export interface AttributeError {
  attribute: string;
  /** A stable word, such as `blank`. */
  type?: string;
  message: string;
}

/** The server said no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly errors: AttributeError[] = [],
  ) {
    super(message);
  }
}

/** The server could not be asked. */
export class Unreachable extends Error {}

let isGoing = false;
addEventListener('pagehide', () => (isGoing = true));
addEventListener('pageshow', () => (isGoing = false));

/** What is asked while the page goes is not given up with it. */
const outlives = (body: unknown): boolean => isGoing && !(body instanceof FormData) && new Blob([String(body ?? '')]).size <= OUTLIVES_BYTES_MAX;

export type Parameters = Record<string, string | number | boolean | null | undefined | string[]>;

const query = (given: Parameters): string => {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (Array.isArray(value)) for (const one of value) pairs.append(`${name}[]`, one);
    else pairs.append(name, String(value));
  }
  const text = pairs.toString();
  return text && `?${text}`;
};

/** As whoever is signed in. */
export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  for (const [name, value] of Object.entries(credentials())) headers.set(name, value);
  const signal = options.signal ?? AbortSignal.timeout(DEADLINE_MS);
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, headers, signal, keepalive: outlives(options.body) });
  } catch (trouble) {
    if (trouble instanceof DOMException && trouble.name === 'AbortError') throw trouble;
    throw new Unreachable(String(trouble));
  }
  if (answer.ok) return answer;
  const told = (await answer.json().catch(() => ({}))) as { error?: string; message?: string; errors?: AttributeError[] };
  if (answer.status === 401) end();
  if (answer.status >= 502 && answer.status <= 504) throw new Unreachable(told.message);
  throw new Refusal(answer.status, told.error ?? '', told.message ?? `${answer.status}`, told.errors);
}

async function ask<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  const options: RequestInit = { method, headers };
  if (signal) options.signal = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  return (await (await request(`/1.0${path}`, options)).json()) as T;
}

export const get = <T>(path: string, given: Parameters = {}, signal?: AbortSignal): Promise<T> => ask('GET', path + query(given), undefined, {}, signal);
export const put = <T>(path: string, body: unknown = {}): Promise<T> => ask('PUT', path, body);
export const destroy = <T>(path: string): Promise<T> => ask('DELETE', path);

/** `key`: asked again with the same one, it is not done twice. */
export const post = <T>(path: string, body: unknown = {}, key?: string): Promise<T> => ask('POST', path, body, key ? { 'Idempotency-Key': key } : {});
