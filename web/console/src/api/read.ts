// Lists that are read whole.

import { get, type Parameters } from './client.ts';
import type { Page } from './types.ts';

/** So many records are read of a list, and no more. */
export const READ_MAX = 3_000;
const PAGE = 150;

export interface Read<T> {
  records: T[];
  /** How many there are. */
  count: number;
}

/** From its first record on; more are counted only. */
export async function readAll<T>(path: string, given: Parameters, signal: AbortSignal): Promise<Read<T>> {
  const records: T[] = [];
  for (;;) {
    const page = await get<Page<T>>(path, { ...given, limit: PAGE, offset: records.length }, signal);
    records.push(...page.records);
    if (page.records.length < PAGE || records.length >= READ_MAX) return { records, count: Math.max(page.count, records.length) };
  }
}
