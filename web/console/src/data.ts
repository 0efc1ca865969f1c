// What the server told, kept by what it is about: read from here by every part of the screen, and made afresh by live.ts
// when something happens. Nothing grows old by the clock.

import { QueryClient, useQueries, useQuery, type UseQueryResult } from '@tanstack/react-query';
import { get, type Parameters, Refusal } from './api/client.ts';
import { readAll } from './api/read.ts';
import type { Category, Comment, Content, CustomField, Folder, Id, Identity, IdentityGroup, Intervention, Page, Signature, Source, Thread, User, Visited } from './api/types.ts';
import { type Key, t } from './language/index.ts';
import type { Sort } from './routes.ts';
import { say } from './ui/toasts.tsx';

/** Threads that are asked for at once. */
export const PAGE = 50;
/** The latest contents of a thread that are shown first, and how many more each time. */
export const CONTENTS = 60;
/** Milliseconds for which what nobody looks at is kept. */
const KEPT_MS = 30 * 60_000;
const TRIES = 3;

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Infinity,
      gcTime: KEPT_MS,
      refetchOnWindowFocus: false,
      // A refusal is an answer; who does not answer is asked again, at ever longer intervals.
      retry: (count, trouble) => !(trouble instanceof Refusal) && count < TRIES,
      retryDelay: (count) => Math.min(500 * 2 ** count, 8_000),
    },
  },
});

const ORDERS: Record<Sort, string> = {
  newest: '',
  oldest: ' order:last_content_at.asc',
  created: ' order:created_at.desc',
  due: ' order:sla_due_at.asc',
};

export const ordered = (q: string, sort: Sort): string => q + ORDERS[sort];

const cut = new Set<string>();

/** All records of a list that is seldom long. Who cannot have all is told so, once. */
export async function all<T>(name: Key, path: string, signal: AbortSignal, given: Parameters = {}): Promise<T[]> {
  const { records, count } = await readAll<T>(path, given, signal);
  if (count > records.length && !cut.has(path)) {
    cut.add(path);
    say(t('list_cut', { name: t(name), count: records.length, all: count }), { bad: true, ms: 12_000 });
  }
  return records;
}

/** What one may not read is empty, not broken. */
const allowed = <T>(asked: Promise<T[]>): Promise<T[]> =>
  asked.catch((trouble) => {
    if (trouble instanceof Refusal && trouble.status === 403) return [];
    throw trouble;
  });

/** The same every time, so that who looks at it is not drawn again. */
const NONE: never[] = [];

export const useMe = (): UseQueryResult<User> => useQuery({ queryKey: ['me'], queryFn: ({ signal }) => get<User>('/users/me', {}, signal) });
export const useUsers = (): User[] => useQuery({ queryKey: ['users'], queryFn: ({ signal }) => allowed(all<User>('colleagues', '/users', signal)) }).data ?? NONE;
export const useSources = (): Source[] => useQuery({ queryKey: ['sources'], queryFn: ({ signal }) => all<Source>('sources', '/content_sources', signal) }).data ?? NONE;
export const useCategories = (): Category[] => useQuery({ queryKey: ['categories'], queryFn: ({ signal }) => all<Category>('categories', '/categories', signal) }).data ?? NONE;
export const useFolders = (): Folder[] => useQuery({ queryKey: ['folders'], queryFn: ({ signal }) => all<Folder>('folders', '/folders', signal) }).data ?? NONE;
/** Whether it is known by now which folders there are. */
export const useFoldersKnown = (): boolean => useQuery({ queryKey: ['folders'], queryFn: ({ signal }) => all<Folder>('folders', '/folders', signal) }).data !== undefined;
export const useTags = (): { id: Id; name: string }[] => useQuery({ queryKey: ['tags'], queryFn: ({ signal }) => all<{ id: Id; name: string }>('tags', '/tags', signal) }).data ?? NONE;
export const useCustomFields = (): CustomField[] =>
  useQuery({ queryKey: ['custom_fields'], queryFn: ({ signal }) => all<CustomField>('custom_fields', '/custom_fields/descriptions', signal, { extended: true }) }).data ?? NONE;

export const useSignatures = (): Signature[] => {
  const me = useMe().data;
  return useQuery({ queryKey: ['signatures'], queryFn: ({ signal }) => all<Signature>('signature', `/users/${me?.id}/signatures`, signal), enabled: !!me }).data ?? NONE;
};

/** As whom one may write in a community; the first is taken when nothing is said. */
export const useVoices = (community: Id | undefined): Identity[] => {
  const me = useMe().data;
  return (
    useQuery({
      queryKey: ['identities', 'mine', community],
      queryFn: ({ signal }) => allowed(get<Page<Identity>>('/identities', { user_id: me?.id, community_id: community, limit: 150 }, signal).then(({ records }) => records)),
      enabled: !!me && !!community,
    }).data ?? NONE
  );
};

const pageOf = (q: string, page: number) => ({
  queryKey: ['threads', q, page] as const,
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    get<Page<Thread>>('/content_threads', { q, extended: true, limit: PAGE, offset: page * PAGE }, signal).then((found) => {
      for (const thread of found.records) client.setQueryData(['thread', thread.id], thread);
      return found;
    }),
});

/** Those pages of a list of threads that are looked at. The others are not asked for. */
export const usePages = (q: string, pages: number[]) => useQueries({ queries: pages.map((page) => pageOf(q, page)) });

/** How many threads a search finds. */
export const useCount = (q: string, enabled = true): UseQueryResult<number> =>
  useQuery({
    queryKey: ['count', q],
    enabled,
    queryFn: async ({ signal }) => (await get<Page<Thread>>('/content_threads', { q, limit: 1 }, signal)).count,
  });

export const useThread = (id: Id): UseQueryResult<Thread> =>
  useQuery({ queryKey: ['thread', id], queryFn: ({ signal }) => get<Thread>(`/content_threads/${id}`, { extended: true }, signal) });

const contentsOf = (thread: Id, limit: number) => ({
  queryKey: ['contents', thread, limit] as const,
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const q = `thread:${thread}`;
    const found: Content[] = [];
    let count = 0;
    for (let offset = 0; offset < limit; offset += CONTENTS) {
      const page = await get<Page<Content>>('/contents', { q, extended: true, limit: CONTENTS, offset }, signal);
      count = page.count;
      found.push(...page.records);
      if (page.records.length < CONTENTS) break;
    }
    return { contents: found.reverse(), hasOlder: count > found.length };
  },
});

/** Milliseconds between two looks at what is on its way to its channel: of an attempt that fails nobody tells. */
const LOOK_MS = 5_000;
const isOnItsWay = ({ synchronization_status, approval_required, scheduled_at }: Content): boolean => synchronization_status === 'export_pending' && !approval_required && !scheduled_at;

export const useContents = (thread: Id, limit: number) =>
  useQuery({
    ...contentsOf(thread, limit),
    refetchInterval: ({ state }) => !!state.data?.contents.some(isOnItsWay) && LOOK_MS,
    // While earlier ones are fetched, the later ones stay.
    placeholderData: (before, query) => (query?.queryKey[1] === thread ? before : undefined),
  });

const interventionsOf = (thread: Id) => ({
  queryKey: ['interventions', thread] as const,
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await get<Page<Intervention>>('/interventions', { thread_id: thread, extended: true, limit: 150 }, signal)).records,
});
export const useInterventions = (thread: Id): Intervention[] | undefined => useQuery(interventionsOf(thread)).data;

const commentsOf = (thread: Id) => ({
  queryKey: ['comments', thread] as const,
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await get<Page<Comment>>('/intervention_comments', { thread_id: thread, limit: 150 }, signal)).records,
});
export const useComments = (thread: Id): Comment[] | undefined => useQuery(commentsOf(thread)).data;

/** So that it is there when it is opened. */
export function expect(thread: Id): void {
  void client.prefetchQuery(contentsOf(thread, CONTENTS));
  void client.prefetchQuery(interventionsOf(thread));
  void client.prefetchQuery(commentsOf(thread));
}

/** Milliseconds for which a conversation is waited for before it is shown without its contents. */
const ARRIVE_MS = 80;
let wanted: Id | undefined;

/** Shows a conversation as soon as its contents are there, or after a moment: so it is drawn once, not twice. */
export function arrive(thread: Id, show: () => void): void {
  wanted = thread;
  const once = () => {
    if (wanted !== thread) return;
    wanted = undefined;
    show();
  };
  const contents = contentsOf(thread, CONTENTS);
  if (client.getQueryData(contents.queryKey)) return once();
  void client.prefetchQuery(contents).then(() => {
    once();
    // What else belongs to it comes behind what one reads.
    expect(thread);
  });
  setTimeout(once, ARRIVE_MS);
}

const identityOf = (id: Id) => ({ queryKey: ['identity', id] as const, queryFn: ({ signal }: { signal: AbortSignal }) => get<Identity>(`/identities/${id}`, { extended: true }, signal) });
export const useIdentity = (id: Id | undefined): UseQueryResult<Identity> => useQuery({ ...identityOf(id ?? ''), enabled: !!id });
export const useIdentities = (ids: Id[]): Map<Id, Identity> => {
  const found = useQueries({ queries: ids.map(identityOf) });
  return new Map(found.flatMap(({ data }) => (data ? [[data.id, data] as const] : [])));
};
export const useGroup = (id: Id | null | undefined): IdentityGroup | undefined =>
  useQuery({ queryKey: ['group', id], queryFn: ({ signal }) => get<IdentityGroup>(`/identity_groups/${id}`, { extended: true }, signal), enabled: !!id }).data;
export const useIdentitiesOfGroup = (id: Id | null | undefined): Identity[] =>
  useQuery({
    queryKey: ['identities', id],
    queryFn: async ({ signal }) => (await get<Page<Identity>>('/identities', { identity_group_id: id ?? '' }, signal)).records,
    enabled: !!id,
  }).data ?? NONE;

/** Where the visitor of a thread is; threads of other kinds of sources have none. */
export const useVisited = (thread: Thread, sources: Source[]): Visited | undefined => {
  const type = sources.find(({ id }) => id === thread.source_id)?.type;
  return useQuery({
    queryKey: ['visited', thread.id],
    queryFn: ({ signal }) => get<Visited>(`/content_threads/${thread.id}/visitor`, {}, signal),
    enabled: type === 'mobile_messaging' || type === 'chat',
  }).data;
};

/** Other conversations of a customer, the latest first. */
export const useThreadsOf = (q: string | undefined): Thread[] | undefined =>
  useQuery({
    queryKey: ['threads', q ?? '', 'of'],
    queryFn: async ({ signal }) => (await get<Page<Thread>>('/content_threads', { q: q ?? '', extended: true, limit: 8 }, signal)).records,
    enabled: !!q,
  }).data;
