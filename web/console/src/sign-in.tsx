// Signing in: with a password where the server has sessions, with an access token where it has none.

import { type FormEvent, useEffect, useState } from 'react';
import { t } from './language/index.ts';
import { enter } from './session.ts';
import { Mark } from './ui/mark.tsx';
import { Button } from './ui/pieces.tsx';

/** What the server tells whoever is not signed in yet. */
interface Offers {
  name?: string;
  password: boolean;
  single_sign_on?: { kind: string; name: string; start: string }[];
}

/** What is asked for beside the password, since the server said so. */
type Step = 'code' | 'new_password' | undefined;

interface Told {
  error?: string;
  message?: string;
  errors?: { message: string }[];
}

const CONSOLE = { 'X-Frontdesk-Console': '1' };

const Field = ({ name, label, ...more }: { name: string; label: string } & React.InputHTMLAttributes<HTMLInputElement>) => (
  <label>
    <span>{label}</span>
    <input name={name} required spellCheck={false} aria-describedby="problem" {...more} />
  </label>
);

export const SignIn = ({ ended }: { ended: boolean }) => {
  const [offers, setOffers] = useState<Offers>();
  const [byToken, setByToken] = useState(false);
  const [problem, setProblem] = useState(ended ? t('sign_in_ended') : '');
  const [step, setStep] = useState<Step>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    fetch('/session/options', { headers: CONSOLE })
      .then(async (answer) => (answer.ok ? setOffers((await answer.json()) as Offers) : setByToken(true)))
      .catch(() => setByToken(true));
  }, []);

  /** A token is tried before it is kept. */
  const withToken = async (given: string) => {
    if (!/^[\x21-\x7e]+$/.test(given)) return setProblem(t('sign_in_refused'));
    const answer = await fetch('/1.0/users/me', { headers: { Authorization: `Bearer ${given}` } });
    if (answer.ok) enter(given);
    else setProblem(t('sign_in_refused'));
  };
  const withPassword = async (given: FormData) => {
    const body = JSON.stringify(Object.fromEntries(given));
    const answer = await fetch('/session', { method: 'POST', headers: { ...CONSOLE, 'Content-Type': 'application/json' }, body });
    if (answer.ok) return enter();
    const told = (await answer.json().catch(() => ({}))) as Told;
    if (told.error === 'second_factor_needed') setStep('code');
    else if (told.error === 'password_expired') setStep('new_password');
    const needed = told.error === 'second_factor_needed' ? t('code_needed') : told.error === 'sign_in_failed' ? t('sign_in_failed') : undefined;
    setProblem(needed ?? told.errors?.[0]?.message ?? told.message ?? t('unreachable'));
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    try {
      await (byToken ? withToken(String(given.get('token') ?? '').trim()) : withPassword(given));
    } catch {
      setProblem(t('unreachable'));
    }
    setBusy(false);
  };
  return (
    <main className="sign-in">
      {(byToken || offers) && (
        <form onSubmit={submit}>
          <Mark size={36} />
          <h1>{t('sign_in')}</h1>
          {byToken && <p className="lead">{t('sign_in_lead')}</p>}
          {!byToken && offers?.name && <p className="lead">{offers.name}</p>}
          {byToken && <Field name="token" label={t('access_token')} type="password" autoFocus autoComplete="off" aria-invalid={!!problem} />}
          {!byToken && offers?.password && (
            <>
              <Field name="email" label={t('email')} type="email" autoFocus autoComplete="username" />
              <Field name="password" label={t('password')} type="password" autoComplete="current-password" aria-invalid={!!problem} />
              {step === 'code' && <Field name="code" label={t('code')} inputMode="numeric" autoFocus autoComplete="one-time-code" />}
              {step === 'new_password' && <Field name="new_password" label={t('new_password')} type="password" autoFocus autoComplete="new-password" />}
            </>
          )}
          <p id="problem" className="problem" role="alert">
            {problem}
          </p>
          {(byToken || offers?.password) && (
            <Button type="submit" look="main" disabled={busy}>
              {t('sign_in')}
            </Button>
          )}
          {!byToken &&
            offers?.single_sign_on?.map(({ kind, name, start }) => (
              <a key={kind} className="button" href={`${start}?return_to=${encodeURIComponent(location.pathname + location.search)}`}>
                {t('sign_in_with', { name })}
              </a>
            ))}
          {byToken ? (
            <p className="hint">
              {t('token_help')} <code>frontdesk token create</code>
            </p>
          ) : (
            <button
              type="button"
              className="link hint"
              onClick={() => {
                setProblem('');
                setByToken(true);
              }}
            >
              {t('use_token')}
            </button>
          )}
        </form>
      )}
    </main>
  );
};
