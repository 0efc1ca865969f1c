// By which keys a community's websites vouch for their visitors, and whether they have to.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { destroy, get, post, put, Refusal } from '../api/client.ts';
import { client } from '../data.ts';
import { usePermissions } from '../rights.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain, say, words } from '../ui/toasts.tsx';
import type { Made } from './kinds.ts';
import { Once } from './once.tsx';
import { w } from './words/index.ts';

interface Signed {
  mode: 'require' | 'reject';
  keys: { key_id: string; algorithm: string; created_at: string }[];
}

const ALGORITHMS = ['HS256', 'RS256'] as const;
/** A shared secret is 24 hexadecimal characters. */
const SECRET_BYTES = 12;

const secret = (): string => [...crypto.getRandomValues(new Uint8Array(SECRET_BYTES))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

const SignedIdentities = ({ record }: { record: Made }) => {
  const path = `/communities/${record.id}`;
  const key = ['admin', 'community', record.id, 'signed_identities'];
  const isVisited = record.type === 'mobile_messaging';
  const { data } = useQuery({ queryKey: key, queryFn: ({ signal }) => get<Signed>(`${path}/signed_identities`, {}, signal), enabled: isVisited });
  const may = usePermissions();
  const [algorithm, setAlgorithm] = useState<(typeof ALGORITHMS)[number]>('HS256');
  const [made, setMade] = useState('');
  const [leaving, setLeaving] = useState('');
  const [problem, setProblem] = useState('');
  if (!isVisited || !data) return null;
  const mayChange = !!may?.('update_community');
  const act = (asked: Promise<unknown>) => asked.then(() => client.invalidateQueries({ queryKey: key }));
  const add = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = Object.fromEntries(new FormData(form)) as Record<string, string>;
    const shared = algorithm === 'HS256' ? secret() : undefined;
    setProblem('');
    try {
      await act(post(`${path}/jwt_keys`, { key_id: given.key_id, algorithm, key: shared ?? given.key?.trim() }));
      setMade(shared ?? '');
      form.reset();
      say(w('created'));
    } catch (trouble) {
      if (trouble instanceof Refusal) setProblem(words(trouble));
      else complain(trouble);
    }
  };
  return (
    <section className="admin-part" aria-label={w('signed')}>
      <h2>{w('signed')}</h2>
      <p>{w('signed_lead')}</p>
      <div className="field">
        <label htmlFor="signed-mode">{w('signed_mode')}</label>
        <select id="signed-mode" value={data.mode} disabled={!mayChange} onChange={(event) => void act(put(`${path}/signed_identities`, { mode: event.target.value })).then(() => say(w('saved')), complain)}>
          <option value="require">{w('signed_require')}</option>
          <option value="reject">{w('signed_reject')}</option>
        </select>
      </div>
      {made && <Once text={made} label={w('signed_secret')} />}
      {data.keys.length ? (
        <ul className="rows wide">
          {data.keys.map(({ key_id, algorithm, created_at }) => (
            <li key={key_id}>
              <strong>{key_id}</strong>
              <span className="grow faint">
                {algorithm} · {new Date(created_at).toLocaleDateString(document.documentElement.lang)}
              </span>
              {mayChange &&
                (leaving === key_id ? (
                  <span className="really" role="alertdialog" aria-label={w('signed_remove', { name: key_id })}>
                    <span>{w('signed_remove', { name: key_id })}</span>
                    <Button autoFocus onClick={() => setLeaving('')}>
                      {w('no')}
                    </Button>
                    <Button className="danger" onClick={() => void act(destroy(`${path}/jwt_keys/${key_id}`)).then(() => (setLeaving(''), say(w('removed'))), complain)}>
                      {w('remove')}
                    </Button>
                  </span>
                ) : (
                  <Button look="quiet" className="danger" onClick={() => setLeaving(key_id)}>
                    {w('remove')}
                  </Button>
                ))}
            </li>
          ))}
        </ul>
      ) : (
        <p className="faint">{w('signed_none')}</p>
      )}
      {mayChange && (
        <form className="form" onSubmit={add}>
          <div className="field">
            <label htmlFor="key-id">{w('signed_key_id')}</label>
            <input id="key-id" name="key_id" required pattern="[a-z0-9_]+" maxLength={64} autoComplete="off" placeholder="shop" aria-describedby="key-id-hint" />
            <p className="faint" id="key-id-hint">
              {w('signed_key_id_hint')}
            </p>
          </div>
          <div className="field">
            <label htmlFor="key-algorithm">{w('signed_algorithm')}</label>
            <select id="key-algorithm" value={algorithm} onChange={(event) => setAlgorithm(event.target.value as typeof algorithm)}>
              {ALGORITHMS.map((one) => (
                <option key={one} value={one}>
                  {w(`signed_${one}`)}
                </option>
              ))}
            </select>
          </div>
          {algorithm === 'RS256' && (
            <div className="field">
              <label htmlFor="key-key">{w('signed_public')}</label>
              <textarea id="key-key" name="key" className="code-text" rows={6} required spellCheck={false} dir="ltr" placeholder="-----BEGIN PUBLIC KEY-----" />
            </div>
          )}
          {problem && (
            <p className="problem" role="alert">
              {problem}
            </p>
          )}
          <div className="form-foot">
            <Button type="submit">{w('signed_add')}</Button>
          </div>
        </form>
      )}
    </section>
  );
};

export default SignedIdentities;
