// What happened in the account, with filters that stand in the address.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client.ts';
import type { Page } from '../api/types.ts';
import { t } from '../language/index.ts';
import { visit } from '../routes.ts';
import { Choice } from '../ui/choice.tsx';
import { Icon } from '../ui/icon.tsx';
import { Button, Empty, Failed } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { Link } from './list.tsx';
import { Table } from './table.tsx';
import { EVENTS, eventWords } from './words/events.ts';
import { w } from './words/index.ts';

const PAGE = 50;
const PAGES_MAX = 40;

/** Filters of the address, and what they are in a search. */
const ASKED = { name: (names: string) => names.split(',').map((name) => `name_in:${name}`).join(' '), user: (id: string) => `user:${id}`, thread: (id: string) => `content_thread:${id}`, content: (id: string) => `content:${id}`, since: (day: string) => `created_after:"${day}"`, until: (day: string) => `created_before:"${day}"` } as const;

const Journal = ({ search }: { search: string }) => {
  const at = new URLSearchParams(search);
  const [pages, setPages] = useState(1);
  const names = useNames(['users', 'sources']);
  const asked = Object.entries(ASKED).flatMap(([name, ask]) => {
    const value = at.get(name)?.replaceAll('"', '');
    return value ? [ask(value)] : [];
  });
  const isOldest = at.get('order') === 'oldest';
  const q = [...asked, ...(isOldest ? ['order:created_at.asc'] : [])].join(' ');
  const { data, error, refetch } = useQuery({
    queryKey: ['admin', 'journal', q, pages],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const found = await Promise.all(Array.from({ length: pages }, (_, page) => get<Page<Made>>('/events', { q, extended: true, limit: PAGE, offset: page * PAGE }, signal)));
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
        <Names chosen={at.get('name')?.split(',') ?? []} choose={(names) => set('name', names.join(','))} />
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
        <label className="beside">
          <span>{w('order')}</span>
          <select value={isOldest ? 'oldest' : ''} onChange={(event) => set('order', event.target.value)}>
            <option value="">{w('event_newest')}</option>
            <option value="oldest">{w('event_oldest')}</option>
          </select>
        </label>
        {(['thread', 'content'] as const).map(
          (name) =>
            at.get(name) && (
              <span key={name} className="chip">
                <span>{w(`event_of_${name}`)}</span>
                <button type="button" aria-label={w('take_out', { name: w(`event_of_${name}`) })} onClick={() => set(name, '')}>
                  <Icon name="cross" size={12} />
                </button>
              </span>
            ),
        )}
        {asked.length > 0 && (
          <Button look="quiet" onClick={() => visit('/admin/events', true)}>
            {w('event_clear')}
          </Button>
        )}
        <span className="faint" role="status">
          {data && w('records', { count: data.count })}
        </span>
      </div>
      {error && !data && <Failed message={words(error)} again={() => void refetch()} />}
      {data && !data.records.length && <Empty title={w('events_empty')} lead={w(asked.length ? 'events_none' : 'events_lead')} />}
      {!!data?.records.length && (
        <Table heads={['event_at', 'event_name', 'event_by', 'event_about']}>
          {data.records.map(({ id, name, created_at, user_id, extra_infos }) => (
            <tr key={id} className="still">
              <td data-label={w('event_at')}>
                <time dateTime={created_at}>{new Date(created_at).toLocaleString(document.documentElement.lang)}</time>
              </td>
              <td data-label={w('event_name')} className="wide">
                <span>
                  <button type="button" className="link" onClick={() => set('name', name)}>
                    {sentence(name)}
                  </button>
                  <code>{name}</code>
                </span>
              </td>
              <td data-label={w('event_by')}>{user_id ? names.of('users', user_id) : <span className="faint">{w('event_system')}</span>}</td>
              <td data-label={w('event_about')}>
                <About infos={extra_infos} names={names} only={(thread) => set('thread', thread)} />
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

const sentence = (name: string): string => {
  const { about, became } = eventWords(name);
  return about ? t('named', { name: about, value: became }) : became;
};

/** Which events, by their names: any number of them. */
const Names = ({ chosen, choose }: { chosen: string[]; choose: (names: string[]) => void }) => {
  const [open, setOpen] = useState(false);
  const toggle = (name: string) => choose(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const options = () => EVENTS.map((id) => ({ id, label: sentence(id), detail: id, group: eventWords(id).about, checked: chosen.includes(id) }));
  return (
    <div className="beside names">
      <span>{w('event_name')}</span>
      <span className="many">
        {chosen.map((name) => (
          <span key={name} className="chip">
            <span>{sentence(name)}</span>
            <button type="button" aria-label={w('take_out', { name: sentence(name) })} onClick={() => toggle(name)}>
              <Icon name="cross" size={12} />
            </button>
          </span>
        ))}
        <Choice icon="plus" label={w('event_name')} open={open} setOpen={setOpen} many options={open ? options() : []} pick={toggle} placeholder={w('search_list')}>
          {w(chosen.length ? 'choose' : 'event_any')}
          <span className="unseen"> {w('event_name')}</span>
        </Choice>
      </span>
    </div>
  );
};

/** What it is about: what has a page of its own leads there, and a conversation to all that happened in it. */
const About = ({ infos, names, only }: { infos: Record<string, string>; names: ReturnType<typeof useNames>; only: (thread: string) => void }) => {
  const { content_thread_id: thread, content_source_id: source, user_id: user, request_ip: address, closed_automatically } = infos;
  if (![thread, source, user, address, closed_automatically].some(Boolean)) return null;
  return (
    <span className="about">
      {user && <Link to={`/admin/users/${user}`}>{names.of('users', user)}</Link>}
      {source && <Link to={`/admin/sources/${source}`}>{names.of('sources', source)}</Link>}
      {thread && <Link to={`/inbox/all/${thread}`}>{w('event_thread')}</Link>}
      {thread && (
        <button type="button" className="link" onClick={() => only(thread)}>
          {w('event_only_thread')}
        </button>
      )}
      {address && <span className="faint">{address}</span>}
      {closed_automatically && <span className="faint">{w('event_by_itself')}</span>}
    </span>
  );
};

export default Journal;
