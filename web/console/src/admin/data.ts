// What the server told of what is administered. A list is read whole: there are some dozens of each, seldom hundreds.

import { useQueries, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { get, Refusal } from '../api/client.ts';
import { type Read, readAll } from '../api/read.ts';
import type { Id } from '../api/types.ts';
import { client } from '../data.ts';
import { currentLocale, languageName, t } from '../language/index.ts';
import { type Choice, type Field, type Kind, kindOf, type Made, NAMELESS } from './kinds.ts';
import { type Word, w } from './words/index.ts';

const listOf = (kind: Kind) => ({
  queryKey: ['admin', kind.family, 'list'] as const,
  queryFn: ({ signal }: { signal: AbortSignal }) => readAll<Made>(kind.path, kind.given ?? {}, signal),
});

export const useRecords = (kind: Kind): UseQueryResult<Read<Made>> => useQuery(listOf(kind));

/** A record as it is on the server now. */
export async function readOne(kind: Kind, id: Id, signal?: AbortSignal): Promise<Made> {
  if (kind.single !== false) {
    const record = await get<Made>(`${kind.path}/${id}`, kind.given ?? {}, signal);
    return kind.derive?.(record) ?? record;
  }
  const { records } = await readAll<Made>(kind.path, kind.given ?? {}, signal ?? new AbortController().signal);
  const found = records.find((record) => record.id === id);
  if (!found) throw new Refusal(404, 'not_found', w('not_there'));
  return found;
}

export const useRecord = (kind: Kind, id: Id | undefined): UseQueryResult<Made> =>
  useQuery({ queryKey: ['admin', kind.family, id], queryFn: ({ signal }) => readOne(kind, id ?? '', signal), enabled: !!id });

/** Something was changed here: what is shown of it is made afresh, here and in the inbox. */
export function changed(kind: Kind): Promise<unknown> {
  const inbox = { content_source: 'sources', user: 'users', folder: 'folders', category: 'categories', tag: 'tags', custom_field: 'custom_fields' }[kind.family];
  if (inbox) void client.invalidateQueries({ queryKey: [inbox] });
  return client.invalidateQueries({ queryKey: ['admin', kind.family] });
}

/** Records of other kinds by their names; those that may not be read have none. */
export function useNames(kinds: string[]): { records: (kind: string) => Made[]; all: (kind: string, where?: (record: Made) => boolean) => Choice[]; of: (kind: string, id: Id) => string } {
  const found = useQueries({ queries: kinds.map((key) => listOf(kindOf(key)!)) });
  const records = (key: string): Made[] => found[kinds.indexOf(key)]?.data?.records ?? [];
  const all = (key: string, where?: (record: Made) => boolean): Choice[] => {
    const kind = kindOf(key);
    const every = records(key);
    return kind ? (where ? every.filter(where) : every).map((record) => ({ id: record.id, label: pathOf(kind, record, every) })) : [];
  };
  return { records, all, of: (key, id) => all(key).find((choice) => choice.id === id)?.label ?? (key === 'users' ? t('colleague') : NAMELESS) };
}

/** In a tree, with what is above it. */
function pathOf(kind: Kind, record: Made, records: Made[]): string {
  const names = [kind.named(record)];
  for (let above = record.parent_id; above && names.length < 20; ) {
    const parent = records.find(({ id }) => id === above);
    if (!parent) break;
    names.unshift(kind.named(parent));
    above = parent.parent_id;
  }
  return names.join(' › ');
}

/** The kinds that are named in forms of this one. */
export const refersTo = (kind: Kind): string[] => [...new Set((kind.refers ?? []).concat(kind.fields.flatMap(({ choices, type }) => (type === 'capacities' ? ['channels'] : choices && 'of' in choices ? [choices.of] : []))))];

interface Listed {
  code?: string;
  name: string;
}

const useListed = (list: string | undefined): Choice[] => {
  const { data } = useQuery({ queryKey: ['admin', 'listed', list], queryFn: ({ signal }) => get<Listed[]>(`/${list}`, {}, signal), enabled: !!list });
  const listed = (data ?? []).map(({ code, name }) => ({ id: code ?? name, label: code ? languageName(code) : name }));
  return list === 'locales' ? listed.sort((one, other) => one.label.localeCompare(other.label, currentLocale())) : listed;
};

/** What can be chosen in a field. */
export function useChoices({ choices, said }: Pick<Field, 'choices' | 'said'>, names: ReturnType<typeof useNames>): Choice[] {
  const listed = useListed(choices && 'list' in choices ? choices.list : undefined);
  if (!choices) return [];
  if ('of' in choices) return names.all(choices.of, choices.where);
  if ('list' in choices) return listed;
  return choices.map((id) => ({ id, label: said === 'region' ? regionName(id) : said !== undefined ? w(`${said}${id}` as Word) : id }));
}

const regionName = (code: string): string => new Intl.DisplayNames([document.documentElement.lang], { type: 'region' }).of(code.toUpperCase()) ?? code;
