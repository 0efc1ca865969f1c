import { type FormEvent, useState } from 'react';
import { Refusal } from './api/client.ts';
import { t } from './language/index.ts';
import { signIn, whyEnded } from './session.ts';
import { Button } from './ui/pieces.tsx';
import { Mark } from './ui/mark.tsx';

/** A token is tried before it is kept. */
async function check(token: string): Promise<void> {
  const answer = await fetch('/1.0/users/me', { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Refusal(answer.status, '', '');
}

export const SignIn = () => {
  const [problem, setProblem] = useState(whyEnded() ? t('sign_in_ended') : '');
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = String(new FormData(event.currentTarget).get('token') ?? '').trim();
    if (!/^[\x21-\x7e]+$/.test(given)) return setProblem(t('sign_in_refused'));
    setBusy(true);
    try {
      await check(given);
      signIn(given);
    } catch (trouble) {
      setProblem(trouble instanceof Refusal ? t('sign_in_refused') : t('unreachable'));
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <Mark size={36} />
        <h1>{t('sign_in')}</h1>
        <p className="lead">{t('sign_in_lead')}</p>
        <label>
          <span>{t('access_token')}</span>
          <input name="token" type="password" required autoFocus autoComplete="off" spellCheck={false} aria-invalid={!!problem} aria-describedby="problem" />
        </label>
        <p id="problem" className="problem" role="alert">
          {problem}
        </p>
        <Button type="submit" look="main" disabled={busy}>
          {t('sign_in')}
        </Button>
        <p className="hint">
          {t('token_help')} <code>frontdesk token create</code>
        </p>
      </form>
    </main>
  );
};
