// What happened in the account, with filters that stand in the address.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client.ts';
import type { Page } from '../api/types.ts';
import { visit } from '../routes.ts';
import { Button, Empty, Failed } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { Link } from './list.tsx';
import { Table } from './table.tsx';
import { w } from './words/index.ts';

const PAGE = 50;
const PAGES_MAX = 40;

const ABOUT = { content_thread_id: 'thread', content_source_id: 'sources', user_id: 'users' } as const;

const Journal = ({ search }: { search: string }) => {
  const at = new URLSearchParams(search);
  const [pages, setPages] = useState(1);
  const names = useNames(['users', 'sources']);
  const q = [
    at.get('name') && `name_in:${at.get('name')}`,
    at.get('user') && `user:${at.get('user')}`,
    at.get('since') && `created_after:"${at.get('since')}"`,
    at.get('until') && `created_before:"${at.get('until')}"`,
  ]
    .filter(Boolean)
    .join(' ');
  const { data, error, refetch } = useQuery({
    queryKey: ['admin', 'journal', q, pages],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const found = await Promise.all(Array.from({ length: pages }, (_, page) => get<Page<Made>>('/events', { q, limit: PAGE, offset: page * PAGE }, signal)));
      return { records: found.flatMap(({ records }) => records), count: found.at(-1)!.count };
    },
  });
  const set = (name: string, value: string) => {
    if (value) at.set(name, value);
    else at.delete(name);
    setPages(1);
    visit(`/admin/events?${at}`, true);
  };
  return (
    <>
      <div className="admin-tools filters">
        <label className="beside">
          <span>{w('event_name')}</span>
          <input type="search" list="event-names" defaultValue={at.get('name') ?? ''} placeholder={w('event_any')} onChange={(event) => /^$|^\w[\w/]*\.\w+$/.test(event.target.value) && set('name', event.target.value)} />
          <datalist id="event-names">
            {[...new Set(data?.records.map(({ name }) => name))].sort().map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        <label className="beside">
          <span>{w('event_by')}</span>
          <select value={at.get('user') ?? ''} onChange={(event) => set('user', event.target.value)}>
            <option value="">{w('event_anybody')}</option>
            {names.all('users').map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {(['since', 'until'] as const).map((name) => (
          <label key={name} className="beside">
            <span>{w(name === 'since' ? 'event_since' : 'event_until')}</span>
            <input type="date" value={at.get(name) ?? ''} onChange={(event) => set(name, event.target.value)} />
          </label>
        ))}
      </div>
      {error && !data && <Failed message={words(error)} again={() => void refetch()} />}
      {data && !data.records.length && <Empty title={w('events_empty')} lead={w('events_lead')} />}
      {!!data?.records.length && (
        <Table heads={['event_at', 'event_name', 'event_by', 'event_about']}>
          {data.records.map(({ id, name, created_at, user_id, extra_infos }) => (
            <tr key={id} className="still">
              <td data-label={w('event_at')}>
                <time dateTime={created_at}>{new Date(created_at).toLocaleString(document.documentElement.lang)}</time>
              </td>
              <td data-label={w('event_name')} className="wide">
                <button type="button" className="link" onClick={() => set('name', name)}>
                  {name}
                </button>
              </td>
              <td data-label={w('event_by')}>{user_id ? names.of('users', user_id) : <span className="faint">{w('event_system')}</span>}</td>
              <td data-label={w('event_about')}>
                <About infos={extra_infos} names={names} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {data && data.count > data.records.length && pages < PAGES_MAX && (
        <Button className="older" onClick={() => setPages(pages + 1)}>
          {w('older')}
        </Button>
      )}
    </>
  );
};

/** The first of what it is about that has a page of its own. */
const About = ({ infos, names }: { infos: Record<string, string>; names: ReturnType<typeof useNames> }) => {
  for (const [name, kind] of Object.entries(ABOUT)) {
    const id = infos[name];
    if (!id) continue;
    if (kind === 'thread') return <Link to={`/inbox/all/${id}`}>{w('pg_work')}</Link>;
    return <Link to={`/admin/${kind}/${id}`}>{names.of(kind, id)}</Link>;
  }
  return null;
};

export default Journal;
