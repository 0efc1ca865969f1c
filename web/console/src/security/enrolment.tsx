// Setting up a second factor: a picture to scan, a code to show that it worked, and codes for when the phone is lost.

import { type FormEvent, useState } from 'react';
import { t } from '../language/index.ts';
import { Button } from '../ui/pieces.tsx';

export interface Enrolment {
  secret: string;
  uri: string;
  qr_svg: string;
}

/** What to scan, or to type where there is no camera. */
export const Scan = ({ enrolment, confirm, problem }: { enrolment: Enrolment; confirm: (code: string) => Promise<void>; problem: string }) => {
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    await confirm(String(new FormData(event.currentTarget).get('code') ?? '').trim());
    setBusy(false);
  };
  return (
    <form onSubmit={submit} className="enrol">
      <p className="lead">{t('enrol_scan')}</p>
      <img className="qr" alt={t('enrol_picture')} width={220} height={220} src={`data:image/svg+xml,${encodeURIComponent(enrolment.qr_svg)}`} />
      <p className="hint">
        {t('enrol_type')} <code>{enrolment.secret.replace(/(.{4})/g, '$1 ').trim()}</code>
      </p>
      <label>
        <span>{t('enrol_code')}</span>
        <input name="code" required autoFocus inputMode="numeric" autoComplete="one-time-code" pattern="[0-9 ]{6,7}" aria-describedby="enrol-problem" />
      </label>
      <p id="enrol-problem" className="problem" role="alert">
        {problem}
      </p>
      <Button type="submit" look="main" disabled={busy}>
        {t('enrol_confirm')}
      </Button>
    </form>
  );
};

/** Shown this once. */
export const Codes = ({ codes, done }: { codes: string[]; done: () => void }) => (
  <div className="enrol" role="status">
    <h2>{t('codes_title')}</h2>
    <p className="lead">{t('codes_lead')}</p>
    <ul className="codes">
      {codes.map((code) => (
        <li key={code}>
          <code>{code}</code>
        </li>
      ))}
    </ul>
    <Button onClick={() => void navigator.clipboard?.writeText(codes.join('\n'))}>{t('codes_copy')}</Button>
    <Button look="main" onClick={done}>
      {t('codes_kept')}
    </Button>
  </div>
);
