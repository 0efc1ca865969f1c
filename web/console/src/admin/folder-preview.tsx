// What a folder would hold, while its search is written: how many conversations, or what is wrong with it.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { get, Refusal } from '../api/client.ts';
import type { Page, Thread } from '../api/types.ts';
import type { Made } from './kinds.ts';
import { Link } from './list.tsx';
import { w } from './words/index.ts';

/** Milliseconds after the last letter, before it is asked. */
const PAUSE_MS = 300;

const FolderPreview = ({ record }: { record: Made }) => {
  const written = String(record.query ?? '').trim();
  const [q, ask] = useState(written);
  useEffect(() => {
    const timer = setTimeout(() => ask(written), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [written]);
  const { data, error } = useQuery({
    queryKey: ['count', q, 'folder'],
    queryFn: async ({ signal }) => (await get<Page<Thread>>('/content_threads', { q, limit: 1 }, signal)).count,
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  if (error instanceof Refusal) {
    return (
      <p className="problem" role="status">
        {error.message}
      </p>
    );
  }
  return (
    <p className="faint" role="status">
      {data !== undefined && (
        <>
          {w('folder_finds', { count: data })} <Link to={`/inbox/search?q=${encodeURIComponent(q)}`}>{w('folder_look')}</Link>
        </>
      )}
    </p>
  );
};

export default FolderPreview;
