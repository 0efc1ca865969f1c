// What to do with a source that was made: connect it, try it, say who sees it.

import { useState } from 'react';
import { get, post } from '../api/client.ts';
import { usePermissions } from '../rights.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain, words } from '../ui/toasts.tsx';
import { CHAT, CHAT_RIGHTS } from './chat.ts';
import { changed } from './data.ts';
import { kindOf, type Made } from './kinds.ts';
import Connection from './connection.tsx';
import { Link } from './list.tsx';
import { Copyable } from './once.tsx';
import { w } from './words/index.ts';

/** Kinds whose service tells us of what happens, after some steps there. */
const CONNECTED = ['facebook', 'messenger', 'twtr', 'youtube'];

/** How often, and for how long, the outcome of a test is looked for. */
const LOOK_MS = 300;
const LOOKS_MAX = 100;

const More = ({ record }: { record: Made }) => {
  const { origin } = location;
  const isOwn = record.type === 'sdk';
  const isSite = record.type === 'mobile_messaging' || record.type === 'chat';
  const may = usePermissions();
  return (
    <>
      {isOwn && (
        <section className="admin-part">
          <h2>{w('connect')}</h2>
          <p>{w('connect_sdk')}</p>
          <Copyable text={`${origin}/realtime/sdk/${record.id}`} label={w('f_url')} />
          {record.access_token && <Copyable text={record.access_token} label={w('secret_token')} />}
        </section>
      )}
      {isSite && (
        <section className="admin-part">
          <h2>{w('connect')}</h2>
          <p>{w('connect_web')}</p>
          <Copyable text={`<script async src="${origin}/chat/${record.widget_token}/loader.js"></script>`} label={w('connect')} />
        </section>
      )}
      {isSite ? <Window record={record} /> : CONNECTED.includes(record.type) ? <Connection record={record} /> : (!isOwn || record.base_uri !== undefined) && <Test record={record} />}
      {record.implementation && <Implementation record={record} />}
      {isSite && may?.(...CHAT_RIGHTS) && (
        <section className="admin-part">
          <h2>{w('offering')}</h2>
          <p>{w('offering_lead')}</p>
          <nav className="overview" aria-label={w('offering')}>
            {[...CHAT, 'messaging' as const].map((part) => (
              <Link key={part} to={`/admin/sources/${record.id}/${part}`} className="overview-one">
                <strong>{w(part)}</strong>
                <span>{w(`${part}_lead`)}</span>
              </Link>
            ))}
          </nav>
        </section>
      )}
      <section className="admin-part">
        <h2>{w('give_rights')}</h2>
        <p>
          {w('give_rights_lead')} <Link to="/admin/users">{w('users')}</Link>
        </p>
      </section>
    </>
  );
};

const Window = ({ record }: { record: Made }) => (
  <section className="admin-part">
    <h2>{w('test')}</h2>
    <p>{w('test_window_lead')}</p>
    <a className="button" href={`/chat/${record.widget_token}/try`} target="_blank" rel="noreferrer">
      {w('test_window')}
    </a>
  </section>
);

/** What the channel told that it can do, and how the last look at it went. */
const Implementation = ({ record: { implementation, synchronization } }: { record: Made }) => {
  const objects = Object.entries((implementation.objects ?? {}) as Record<string, string[]>).filter(([, actions]) => Array.isArray(actions));
  const options: string[] = implementation.options ?? [];
  const time = (at: string | null) => (at ? new Date(at).toLocaleString(document.documentElement.lang) : '—');
  return (
    <section className="admin-part" aria-label={w('implementation')}>
      <h2>{w('implementation')}</h2>
      <dl className="facts">
        {objects.map(([name, actions]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{actions.join(', ')}</dd>
          </div>
        ))}
        <div>
          <dt>{w('implementation_options')}</dt>
          <dd>{options.join(', ') || '—'}</dd>
        </div>
        {synchronization && (
          <>
            <div>
              <dt>{w('synchronization_last')}</dt>
              <dd>{time(synchronization.last_run_at)}</dd>
            </div>
            <div>
              <dt>{w('synchronization_imported')}</dt>
              <dd>{synchronization.skipped ? w('synchronization_skipped', { imported: synchronization.imported, skipped: synchronization.skipped, last: synchronization.last_skipped ?? '' }) : synchronization.imported}</dd>
            </div>
          </>
        )}
      </dl>
      {[synchronization?.error, ...(synchronization?.remarks ?? [])].filter(Boolean).map((remark: string) => (
        <p key={remark} className="problem">
          {remark}
        </p>
      ))}
    </section>
  );
};

const Test = ({ record }: { record: Made }) => {
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  const test = async () => {
    setBusy(true);
    setSaid(w('test_running'));
    const read = () => get<Made>(`/content_sources/${record.id}`, { extended: true });
    try {
      const before = (await read()).synchronization?.last_run_at ?? '';
      // What is told has whole seconds: this run must not end in the same one as the last.
      if (before) await new Promise((next) => setTimeout(next, 1_000));
      await post(`/content_sources/${record.id}/synchronize`);
      for (let looks = 0; looks < LOOKS_MAX; looks++) {
        await new Promise((next) => setTimeout(next, LOOK_MS));
        const { status, error_message, synchronization } = await read();
        if (synchronization?.running || (synchronization?.last_run_at ?? '') === before) continue;
        const reason = synchronization?.error ?? (status === 'error' ? error_message : null);
        setSaid(reason ? w('test_bad', { reason }) : w('test_good', { imported: synchronization?.imported ?? 0 }));
        break;
      }
    } catch (trouble) {
      setSaid(w('test_bad', { reason: words(trouble) }));
      complain(trouble);
    }
    void changed(kindOf('sources')!);
    setBusy(false);
  };
  return (
    <section className="admin-part">
      <h2>{w('test')}</h2>
      <p>{w('test_source_lead')}</p>
      <Button disabled={busy} onClick={test}>
        {w('test')}
      </Button>
      <p role="status">{said}</p>
    </section>
  );
};

export default More;
