// Signing in: with a password where the server has sessions, by another system where one is set, with an access token
// where there is nothing else. Who has forgotten their password, or has to set up a second factor first, does it here.

import { type FormEvent, lazy, Suspense, useEffect, useState } from 'react';
import type { AttributeError } from './api/client.ts';
import { type Key, t } from './language/index.ts';
import { refusal } from './language/refusals.ts';
import type { Enrolment } from './security/enrolment.tsx';
import { enter } from './session.ts';
import { PRODUCT, useTitle } from './title.ts';
import { Mark } from './ui/mark.tsx';
import { Button } from './ui/pieces.tsx';

const load = () => import('./security/enrolment.tsx');
const Scan = lazy(() => load().then(({ Scan }) => ({ default: Scan })));
const Codes = lazy(() => load().then(({ Codes }) => ({ default: Codes })));

/** What the server tells whoever is not signed in yet. */
interface Offers {
  name?: string;
  password: boolean;
  password_recovery?: boolean;
  password_rules?: { min_length: number; digits: boolean; symbols: boolean; no_autocomplete: boolean };
  single_sign_on?: { kind: string; name: string; start: string }[];
  /** The way that is taken at once. */
  default?: string | null;
}

/** What is asked for beside the password, since the server said so. */
type Step = 'code' | 'new_password' | undefined;

interface Told {
  error?: string;
  message?: string;
  errors?: AttributeError[];
  recovery_codes?: string[];
}

const CONSOLE = { 'X-Frontdesk-Console': '1' };

const ask = (method: string, path: string, body: unknown): Promise<Response> =>
  fetch(path, { method, headers: { ...CONSOLE, 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

const Field = ({ name, label, ...more }: { name: string; label: string } & React.InputHTMLAttributes<HTMLInputElement>) => (
  <label>
    <span>{label}</span>
    <input name={name} required spellCheck={false} aria-describedby="problem" {...more} />
  </label>
);

/** As `type="email"` on a phone; browsers refuse addresses with accents there, which people have. */
const EMAIL = { type: 'text', inputMode: 'email', autoCapitalize: 'none' } as const;

const FAULTS: Record<string, Key> = {
  user_not_found: 'sso_unknown',
  token_expired: 'sso_expired',
  token_replay: 'sso_expired',
  sign_in_expired: 'sso_expired',
  sign_in_refused: 'sso_refused',
  provider_unreachable: 'sso_unreachable',
};

/** Why another system sent somebody back, in words. */
function faultOfOther(): string {
  const fault = new URLSearchParams(location.search).get('error');
  if (!fault || !/^(token_\w+|user_not_found|sign_in_expired|sign_in_refused|provider_unreachable)$/.test(fault)) return '';
  return t(FAULTS[fault] ?? 'sso_failed');
}

/** A way in of another system; the wish to see a page goes along. */
const startOf = (start: string): string => {
  const wanted = location.pathname.startsWith('/login') ? '/' : location.pathname + location.search;
  return `${start}?return_to=${encodeURIComponent(wanted)}`;
};

export const SignIn = ({ why }: { why: 'ended' | 'left' | undefined }) => {
  const [offers, setOffers] = useState<Offers>();
  const [way, setWay] = useState<'password' | 'token' | 'forgotten'>('password');
  const [problem, setProblem] = useState(() => (why === 'ended' ? t('sign_in_ended') : faultOfOther()));
  const [step, setStep] = useState<Step>();
  const [enrolment, setEnrolment] = useState<Enrolment & { given: Record<string, unknown> }>();
  const [codes, setCodes] = useState<string[]>();
  const [sent, setSent] = useState(false);
  const [busy, setBusy] = useState(false);
  useTitle(offers?.name && offers.name !== PRODUCT ? `${t('sign_in')} – ${offers.name}` : t('sign_in'));
  useEffect(() => {
    fetch('/session/options', { headers: CONSOLE })
      .then(async (answer) => {
        if (!answer.ok) return setWay('token');
        const told = (await answer.json()) as Offers;
        const other = told.single_sign_on?.find(({ kind }) => kind === told.default);
        // Not for who has just left, was sent back, or asked for this page.
        if (other && why !== 'left' && !faultOfOther() && !location.pathname.startsWith('/login')) return location.replace(startOf(other.start));
        setOffers(told);
      })
      .catch(() => setWay('token'));
  }, []);

  /** A token is tried before it is kept. */
  const withToken = async (given: string) => {
    if (!/^[\x21-\x7e]+$/.test(given)) return setProblem(t('sign_in_refused'));
    const answer = await fetch('/1.0/users/me', { headers: { Authorization: `Bearer ${given}` } });
    if (answer.ok) enter(given);
    else setProblem(t('sign_in_refused'));
  };
  const explain = ({ error, message, errors }: Told) => setProblem(refusal(error, message ?? t('unreachable'), errors));
  const withPassword = async (given: Record<string, unknown>) => {
    const answer = await ask('POST', '/session', given);
    const told = (await answer.json().catch(() => ({}))) as Told;
    if (answer.ok) return told.recovery_codes?.length ? setCodes(told.recovery_codes) : enter();
    if (told.error === 'second_factor_enrolment_needed') {
      const begun = await ask('POST', '/session/second_factor', { email: given.email, password: given.new_password || given.password });
      const made = (await begun.json().catch(() => ({}))) as Enrolment & Told;
      return begun.ok ? (setProblem(''), setEnrolment({ ...made, given })) : explain(made);
    }
    if (told.error === 'second_factor_needed') setStep('code');
    else if (told.error === 'password_expired') setStep('new_password');
    explain(told);
  };
  const forgotten = async (given: Record<string, unknown>) => {
    const answer = await ask('POST', '/session/password_links', given);
    if (answer.ok) setSent(true);
    else explain((await answer.json().catch(() => ({}))) as Told);
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.currentTarget));
    setBusy(true);
    setProblem('');
    try {
      await (way === 'token' ? withToken(String(given.token ?? '').trim()) : way === 'forgotten' ? forgotten(given) : withPassword(given));
    } catch {
      setProblem(t('unreachable'));
    }
    setBusy(false);
  };
  const to = (next: typeof way) => {
    setProblem('');
    setSent(false);
    setWay(next);
  };

  if (codes || enrolment) {
    return (
      <main className="sign-in">
        <div className="door">
          <Mark size={36} />
          <h1>{t('factor')}</h1>
          <Suspense>
            {codes ? (
              <Codes codes={codes} done={() => enter()} />
            ) : (
              enrolment && (
                <Scan
                  enrolment={enrolment}
                  problem={problem}
                  confirm={async (code) => {
                    setProblem('');
                    await withPassword({ ...enrolment.given, code }).catch(() => setProblem(t('unreachable')));
                  }}
                />
              )
            )}
          </Suspense>
        </div>
      </main>
    );
  }
  const hasPassword = way === 'password' && !!offers?.password;
  const fill = offers?.password_rules?.no_autocomplete ? 'off' : undefined;
  return (
    <main className="sign-in">
      {(way === 'token' || offers) && (
        <form onSubmit={submit} className="door">
          <Mark size={36} />
          <h1>{t(way === 'forgotten' ? 'forgotten' : 'sign_in')}</h1>
          {way === 'token' && <p className="lead">{t('sign_in_lead')}</p>}
          {way === 'forgotten' && <p className="lead">{t(sent ? 'forgotten_sent' : 'forgotten_lead')}</p>}
          {way === 'password' && offers?.name && <p className="lead">{offers.name}</p>}
          {way === 'token' && <Field name="token" label={t('access_token')} type="password" autoFocus autoComplete="off" aria-invalid={!!problem} />}
          {way === 'forgotten' && !sent && <Field name="email" label={t('email')} {...EMAIL} autoFocus autoComplete="username" />}
          {hasPassword && (
            <>
              <Field name="email" label={t('email')} {...EMAIL} autoFocus autoComplete={fill ?? 'username'} />
              <Field name="password" label={t('password')} type="password" autoComplete={fill ?? 'current-password'} aria-invalid={!!problem} />
              {step === 'code' && <Field name="code" label={t('code')} inputMode="numeric" autoFocus autoComplete="one-time-code" />}
              {step === 'new_password' && <Field name="new_password" label={t('new_password')} type="password" autoFocus autoComplete="new-password" />}
            </>
          )}
          <p id="problem" className="problem" role="alert">
            {problem}
          </p>
          {(way === 'token' || hasPassword || (way === 'forgotten' && !sent)) && (
            <Button type="submit" look="main" disabled={busy}>
              {t(way === 'forgotten' ? 'forgotten_send' : 'sign_in')}
            </Button>
          )}
          {way === 'password' &&
            offers?.single_sign_on?.map(({ kind, name, start }) => (
              <a key={kind} className="button" href={startOf(start)}>
                {t('sign_in_with', { name })}
              </a>
            ))}
          {hasPassword &&
            (offers?.password_recovery ? (
              <button type="button" className="link hint" onClick={() => to('forgotten')}>
                {t('forgot')}
              </button>
            ) : (
              <p className="hint">{t('forgot_ask')}</p>
            ))}
          {way === 'token' && (
            <p className="hint">
              {t('token_help')} <code>frontdesk token create</code>
            </p>
          )}
          {way !== 'password' && offers && (
            <button type="button" className="link hint" onClick={() => to('password')}>
              {t('back_to_sign_in')}
            </button>
          )}
          {way === 'password' && (
            <button type="button" className="link hint" onClick={() => to('token')}>
              {t('use_token')}
            </button>
          )}
        </form>
      )}
    </main>
  );
};
