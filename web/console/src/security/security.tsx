// One's own password, second factor, mails, signatures and sessions. Loaded when it is opened.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, lazy, Suspense, useState } from 'react';
import { destroy, get, request } from '../api/client.ts';
import type { Page } from '../api/types.ts';
import { client, useMe } from '../data.ts';
import { t } from '../language/index.ts';
import { go } from '../routes.ts';
import { useSession } from '../session.ts';
import { useTitle } from '../title.ts';
import { Button, IconButton } from '../ui/pieces.tsx';
import { complain, say, words } from '../ui/toasts.tsx';
import { Codes, type Enrolment, Scan } from './enrolment.tsx';
import { Notifications } from './notifications.tsx';

const Signatures = lazy(() => import('../admin/signatures.tsx'));

interface Session {
  id: string;
  current: boolean;
  address: string;
  browser: string;
  created_at: string;
  last_seen_at?: string;
}

const ask = async <T,>(method: string, path: string, body?: unknown): Promise<T> => {
  const options: RequestInit = { method };
  if (body !== undefined) {
    options.headers = { 'Content-Type': 'application/json' };
    options.body = JSON.stringify(body);
  }
  return (await (await request(path, options)).json()) as T;
};

const Security = () => {
  const session = useSession();
  const me = useMe().data;
  useTitle(t('security'));
  const bySession = session.kind === 'in' && !session.token;
  return (
    <main className="security">
      <header>
        <IconButton icon="back" label={t('to_inbox')} onClick={() => go({})} />
        <h1>{t('security')}</h1>
      </header>
      {/* Who came by an access token has no session, and its password is nobody's to change here. */}
      {bySession ? (
        <>
          <Password />
          <Factor />
        </>
      ) : (
        <p className="lead">{t('security_token')}</p>
      )}
      <Notifications />
      {me && (
        <Suspense>
          <Signatures user={me.id} />
        </Suspense>
      )}
      <Sessions />
    </main>
  );
};

const Password = () => {
  const [problem, setProblem] = useState('');
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    setProblem('');
    try {
      await ask('PUT', '/session/password', Object.fromEntries(new FormData(form)));
      form.reset();
      say(t('password_changed'));
      void client.invalidateQueries({ queryKey: ['sessions'] });
    } catch (trouble) {
      setProblem(words(trouble));
    }
  };
  return (
    <section>
      <h2>{t('change_password')}</h2>
      <p className="lead">{t('change_password_lead')}</p>
      <form onSubmit={submit}>
        <label>
          <span>{t('password')}</span>
          <input name="password" type="password" required autoComplete="current-password" aria-describedby="password-problem" />
        </label>
        <label>
          <span>{t('new_password')}</span>
          <input name="new_password" type="password" required autoComplete="new-password" aria-describedby="password-problem" />
        </label>
        <p id="password-problem" className="problem" role="alert">
          {problem}
        </p>
        <Button type="submit">{t('change_password')}</Button>
      </form>
    </section>
  );
};

const KEY = ['second_factor'];

const Factor = () => {
  const { data } = useQuery({ queryKey: KEY, queryFn: () => ask<{ enabled: boolean; required: boolean; recovery_codes_left: number }>('GET', '/session/second_factor') });
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const [codes, setCodes] = useState<string[]>();
  const [problem, setProblem] = useState('');
  const attempt = async (work: () => Promise<void>) => {
    setProblem('');
    try {
      await work();
      await client.invalidateQueries({ queryKey: KEY });
    } catch (trouble) {
      setProblem(words(trouble));
    }
  };
  const begin = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.currentTarget));
    void attempt(async () => setEnrolment(await ask<Enrolment>('POST', '/session/second_factor', given)));
  };
  const remove = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.currentTarget));
    void attempt(async () => {
      await ask('DELETE', '/session/second_factor', given);
      say(t('factor_off'));
    });
  };
  const confirm = (code: string) =>
    attempt(async () => {
      setCodes((await ask<{ recovery_codes: string[] }>('PUT', '/session/second_factor', { code })).recovery_codes);
      setEnrolment(undefined);
    });
  if (!data) return null;
  return (
    <section>
      <h2>{t('factor')}</h2>
      {codes ? (
        <Codes codes={codes} done={() => setCodes(undefined)} />
      ) : enrolment ? (
        <Scan enrolment={enrolment} confirm={confirm} problem={problem} />
      ) : (
        <>
          <p className="lead">{data.enabled ? t('factor_on', { count: data.recovery_codes_left }) : t('factor_lead')}</p>
          {!(data.enabled && data.required) && (
            <form onSubmit={data.enabled ? remove : begin}>
              <label>
                <span>{t('password')}</span>
                <input name="password" type="password" required autoComplete="current-password" aria-describedby="factor-problem" />
              </label>
              {data.enabled && (
                <label>
                  <span>{t('code')}</span>
                  <input name="code" required inputMode="numeric" autoComplete="one-time-code" aria-describedby="factor-problem" />
                </label>
              )}
              <p id="factor-problem" className="problem" role="alert">
                {problem}
              </p>
              <Button type="submit">{data.enabled ? t('factor_remove') : t('factor_set_up')}</Button>
            </form>
          )}
        </>
      )}
    </section>
  );
};

const Sessions = () => {
  const { data } = useQuery({ queryKey: ['sessions'], queryFn: ({ signal }) => get<Page<Session>>('/sessions', { limit: 50 }, signal) });
  const end = (id: string) =>
    destroy(`/sessions/${id}`)
      .then(() => client.invalidateQueries({ queryKey: ['sessions'] }))
      .catch(complain);
  if (!data?.records.length) return null;
  return (
    <section>
      <h2>{t('sessions')}</h2>
      <p className="lead">{t('sessions_lead')}</p>
      <ul className="sessions">
        {data.records.map(({ id, current, address, browser, created_at }) => (
          <li key={id}>
            <span className="grow">
              <strong dir="auto">{browserName(browser)}</strong>
              <small className="faint">
                {address} · {new Date(created_at).toLocaleString(document.documentElement.lang)}
              </small>
            </span>
            {current ? <span className="badge">{t('this_one')}</span> : <Button onClick={() => void end(id)}>{t('end_session')}</Button>}
          </li>
        ))}
      </ul>
    </section>
  );
};

/** What a browser calls itself is a long story; its name and its system are in it. */
function browserName(told: string): string {
  const name = /Edg|Firefox|Chrome|Safari/.exec(told)?.[0]?.replace('Edg', 'Edge');
  const system = /Windows|Android|iPhone|iPad|Mac OS|Linux/.exec(told)?.[0];
  return name ? [name, system].filter(Boolean).join(', ') : told || '?';
}

export default Security;
