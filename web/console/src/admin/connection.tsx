// How a source is connected with its service: what is to be done there, step by step, and a trial of it.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { get, post } from '../api/client.ts';
import type { Page } from '../api/types.ts';
import { client } from '../data.ts';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import type { Made } from './kinds.ts';
import { Copyable } from './once.tsx';
import { isWord, type Word, w } from './words/index.ts';

/** A step in the language of who reads: by where it is done, and what is done there. */
function instructionOf(type: string, { name, instruction }: Made): string {
  const word = `step_${type === 'messenger' ? 'facebook' : type}_${name}`;
  return isWord(word) ? w(word) : instruction;
}

function trialOf(name: string): string {
  const word = `trial_${name}`;
  return isWord(word) ? w(word) : name.replaceAll('_', ' ');
}

/** While somebody looks, what a trial finds comes by itself. */
const LOOK_MS = 1_000;

const Connection = ({ record }: { record: Made }) => {
  const path = `/content_sources/${record.id}`;
  const key = ['admin', 'content_source', record.id, 'connection'];
  const { data } = useQuery({ queryKey: key, queryFn: ({ signal }) => get<Made>(`${path}/connection`, {}, signal), refetchInterval: LOOK_MS });
  const failed = useQuery({ queryKey: [...key, 'failed'], queryFn: ({ signal }) => get<Page<Made>>(`${path}/channel_events`, { limit: 20 }, signal), enabled: !!data?.events_failed }).data;
  const [away, setAway] = useState<Made>();
  const act = (asked: Promise<unknown>, word?: Word) =>
    asked.then(() => {
      if (word) say(w(word));
      return client.invalidateQueries({ queryKey: key });
    }, complain);
  const complete = (given: object) =>
    void act(
      post(`${path}/connection/complete`, given).then(() => setAway(undefined)),
      'connection_done',
    );
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    complete(Object.fromEntries(new FormData(event.currentTarget)));
  };
  // The page that the service sends back to tells what came along: what was begun here goes on by itself.
  useEffect(() => {
    if (!away) return;
    const state = new URL(away.url).searchParams.get('state');
    const back = new BroadcastChannel('frontdesk-connection');
    back.onmessage = ({ data }) => {
      if (data?.state !== state) return;
      if (data.code) complete({ state, code: data.code });
      else say(w('connection_refused', { why: data.error_description ?? data.error ?? '' }), { bad: true });
    };
    return () => back.close();
  }, [away]);
  if (!data) return null;
  return (
    <section className="admin-part" aria-label={w('connection')}>
      <h2>{w('connection')}</h2>
      <ol className="steps">
        {(data.steps as Made[]).map((step) => (
          <li key={step.name} data-done={step.done}>
            <span className={`state ${step.done ? 'good' : 'soon'}`}>{w(step.done ? 'step_done' : 'step_open')}</span>
            {instructionOf(record.type, step)}
          </li>
        ))}
      </ol>
      {(data.steps as Made[]).some(({ name }) => name === 'webhook') && (
        <>
          <p>{w('connection_callback')}</p>
          <Copyable text={data.callback_url} label={w('connection_callback')} />
        </>
      )}
      {record.facebook_verify_token && (
        <>
          <p>{w('f_facebook_verify_token')}</p>
          <Copyable text={record.facebook_verify_token} label={w('f_facebook_verify_token')} />
        </>
      )}
      <div className="admin-tools">
        {data.can_authorize && <Button onClick={() => void post<Made>(`${path}/connection/authorize`).then(setAway, complain)}>{w('connection_sign_in')}</Button>}
        <Button look="main" disabled={data.trying} onClick={() => void act(post(`${path}/connection/test`))}>
          {w(data.trying ? 'test_running' : 'test')}
        </Button>
      </div>
      {away && (
        <form className="form" onSubmit={submit}>
          <p>{w('connection_redirect')}</p>
          <Copyable text={away.redirect_uri} label={w('connection_redirect')} />
          <a className="button" href={away.url} target="_blank" rel="noreferrer">
            {w('connection_open')}
          </a>
          <p className="faint">{w('connection_back')}</p>
          {(['state', 'code'] as const).map((name) => (
            <div key={name} className="field">
              <label htmlFor={`connection-${name}`}>{w(`connection_${name}`)}</label>
              <input id={`connection-${name}`} name={name} required autoComplete="off" />
            </div>
          ))}
          <div className="form-foot">
            <Button type="submit" look="main">
              {w('connection_complete')}
            </Button>
          </div>
        </form>
      )}
      {!data.trying && data.tried_at && (
        <ul className="findings" aria-live="polite">
          {(data.findings as Made[]).map(({ name, ok, message }) => (
            <li key={name}>
              <span className={`state ${ok ? 'good' : 'late'}`}>{w(ok ? 'works' : 'works_not')}</span>
              {trialOf(name)}
              {message && <span className="faint"> {message}</span>}
            </li>
          ))}
        </ul>
      )}
      <p className="faint">{w('connection_events', { count: data.events_received, unknown: data.events_unknown, failed: data.events_failed })}</p>
      {!!failed?.records.length && (
        <ul className="rows">
          {failed.records.map((one) => (
            <li key={one.id}>
              <strong>{one.name}</strong>
              <span className="grow">{one.error}</span>
              <Button onClick={() => void act(post(`${path}/channel_events/${one.id}/retry`), 'resent')}>{w('resend')}</Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
};

export default Connection;
