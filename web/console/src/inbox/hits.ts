// Which messages a search has found.

import { useQueries } from '@tanstack/react-query';
import { get } from '../api/client.ts';
import type { Content, Id, Page, Thread } from '../api/types.ts';

/** Messages that are looked at for the threads of one page. */
const HITS = 150;

const NONE: ReadonlyMap<Id, Content> = new Map();

/** The latest message of each thread in which all these words are, page by page: one request for each page. */
export function useHits(words: string[], pages: Pick<Thread, 'id' | 'last_content'>[][]): ReadonlyMap<Id, Content> {
  const said = words.map((word) => `"${word.replaceAll('"', '')}"`).join(' ');
  return useQueries({
    queries: pages.map((threads) => ({
      queryKey: ['hits', said, threads.map(({ id, last_content }) => `${id} ${last_content?.id}`).join()],
      queryFn: ({ signal }: { signal: AbortSignal }) => get<Page<Content>>('/contents', { q: `${threads.map(({ id }) => `thread:${id}`).join(' ')} ${said}`, limit: HITS }, signal),
      enabled: words.length > 0 && threads.length > 0,
    })),
    combine: (found) => {
      if (!words.length) return NONE;
      const hits = new Map<Id, Content>();
      for (const { data } of found) for (const content of data?.records ?? []) if (!hits.has(content.thread_id)) hits.set(content.thread_id, content);
      return hits;
    },
  });
}
