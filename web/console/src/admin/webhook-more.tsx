// What a webhook was told: its requests with their outcome, to be sent again one by one or as a range.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, post } from '../api/client.ts';
import type { Page } from '../api/types.ts';
import { client } from '../data.ts';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import type { Made } from './kinds.ts';
import { Once } from './once.tsx';
import { type Word, w } from './words/index.ts';

const STATES = ['', 'waiting', 'delivered', 'failed'] as const;
/** While somebody looks, new outcomes come by themselves. */
const LOOK_MS = 2_000;

const More = ({ record }: { record: Made }) => {
  const [state, setState] = useState<(typeof STATES)[number]>('');
  const [secret, setSecret] = useState('');
  const path = `/webhooks/${record.id}`;
  const key = ['admin', 'webhook', record.id, 'deliveries'];
  const { data } = useQuery({
    queryKey: [...key, state],
    refetchInterval: LOOK_MS,
    queryFn: ({ signal }) => get<Page<Made>>(`${path}/deliveries`, { ...(state && { state }), limit: 50 }, signal),
  });
  const act = (asked: Promise<unknown>, word: Word) =>
    void asked.then(() => {
      say(w(word));
      void client.invalidateQueries({ queryKey: key });
    }, complain);
  const replay = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    act(post(`${path}/replay`, { from_time: new Date(String(given.get('from'))).toISOString(), only_failed: given.has('failed') }), 'replay_runs');
  };
  return (
    <>
      {record.error && (
        <p className="problem admin-lead" role="alert">
          {record.error}
        </p>
      )}
      {secret && <Once text={secret} label={w('rotated')} />}
      <section className="admin-part">
        <h2>{w('deliveries')}</h2>
        <p>{w('deliveries_lead')}</p>
        <div className="admin-tools">
          <select aria-label={w('f_status')} value={state} onChange={(event) => setState(event.target.value as typeof state)}>
            {STATES.map((one) => (
              <option key={one} value={one}>
                {w(`delivery_${one || 'all'}` as Word)}
              </option>
            ))}
          </select>
          <Button onClick={() => act(post(`${path}/test`), 'webhook_tested')}>{w('webhook_test')}</Button>
          <Button look="quiet" onClick={() => void post<Made>(`${path}/rotate_signing_secret`).then((made) => setSecret(made.signing_secret ?? ''), complain)}>
            {w('rotate')}
          </Button>
        </div>
        {data?.records.length ? (
          <ul className="deliveries">
            {data.records.map((one) => (
              <li key={one.id}>
                <Delivery one={one} />
                {one.state !== 'waiting' && <Button onClick={() => act(post(`${path}/deliveries/${one.id}/resend`), 'resent')}>{w('resend')}</Button>}
              </li>
            ))}
          </ul>
        ) : (
          <p className="faint">{w('deliveries_empty')}</p>
        )}
      </section>
      <section className="admin-part">
        <h2>{w('replay')}</h2>
        <p>{w('replay_lead')}</p>
        <form className="admin-tools" onSubmit={replay}>
          <label className="beside">
            <span>{w('replay_from')}</span>
            <input type="datetime-local" name="from" required />
          </label>
          <label className="beside">
            <input type="checkbox" name="failed" />
            <span>{w('replay_failed')}</span>
          </label>
          <Button type="submit">{w('replay_go')}</Button>
        </form>
      </section>
    </>
  );
};

/** A request and its attempts; what the receiver answered stands there as it is, for whoever mends their program. */
const Delivery = ({ one }: { one: Made }) => {
  const tries: Made[] = one.tries ?? [];
  const time = (at: string) => <time dateTime={at}>{new Date(at).toLocaleString(document.documentElement.lang)}</time>;
  return (
    <details>
      <summary>
        <span className={`state ${one.state === 'delivered' ? 'good' : one.state === 'failed' ? 'late' : 'soon'}`}>{w(`delivery_${one.state}` as Word)}</span>
        <span className="grow">{time(one.created_at)}</span>
        <span className="faint">{one.seqs.length ? `#${one.seqs.join(', #')}` : w('test')}</span>
        <span className="faint">{w('delivery_attempts', { count: tries.length })}</span>
      </summary>
      <ol className="tries">
        {tries.map(({ at, status, milliseconds, error, answer, probe }, index) => (
          // biome-ignore lint: the place is what there is.
          <li key={index}>
            {time(at)}
            <span className={`state ${status >= 200 && status < 300 ? 'good' : 'late'}`}>{status ?? w('delivery_no_answer')}</span>
            <span className="faint">{[`${milliseconds} ms`, probe && w('delivery_probe')].filter(Boolean).join(' · ')}</span>
            {error && <span className="problem">{error}</span>}
            {answer && <pre>{answer}</pre>}
          </li>
        ))}
        {one.state === 'waiting' && one.due_at && (
          <li>
            {time(one.due_at)}
            <span className="state soon">{w('delivery_again')}</span>
          </li>
        )}
      </ol>
    </details>
  );
};

export default More;
