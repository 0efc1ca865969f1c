// What a user may on each source, how other systems know them, what they sign with, and help for who has lost their second
// factor.

import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { destroy, get, put } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import { client } from '../data.ts';
import { t } from '../language/index.ts';
import { usePermissions } from '../rights.tsx';
import { matches } from '../ui/options.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { AccountForm } from './account-form.tsx';
import { useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { type Word, w } from './words/index.ts';

const Signatures = lazy(() => import('./signatures.tsx'));

const RIGHTS = ['read', 'reply', 'reply_with_html', 'initiate_discussion', 'destroy'] as const;
const ALWAYS = 'approval_required';
/** The share of what somebody writes that is drawn for approval, in percent. */
const SHARES = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100] as const;
const SHARE = 'approval_threshold_';
/** From so many sources on they are searched. */
const SEARCHED = 8;

const isApproval = (right: string): boolean => right === ALWAYS || right.startsWith(SHARE);

const More = ({ record }: { record: Made }) => {
  const may = usePermissions();
  const mayChange = !!may?.('update_user', 'manage_users_of_my_teams');
  return (
    <>
      <Rights user={record.id} fixed={!mayChange} />
      <Suspense>
        <Signatures user={record.id} fixed={!mayChange} />
      </Suspense>
      {mayChange && (
        <>
          <KnownAs user={record.id} />
          <section className="admin-part">
            <h2>{w('remove_factor')}</h2>
            <p>{w('remove_factor_lead')}</p>
            <Button onClick={() => void destroy(`/users/${record.id}/second_factor`).then(() => say(w('factor_removed')), complain)}>{w('remove_factor')}</Button>
          </section>
        </>
      )}
    </>
  );
};

const Rights = ({ user, fixed }: { user: Id; fixed: boolean }) => {
  const key = ['admin', 'user', user, 'sources_permissions'];
  const path = `/users/${user}/sources_permissions`;
  const { data } = useQuery({ queryKey: key, queryFn: ({ signal }) => get<Record<string, string[]>>(path, {}, signal) });
  const names = useNames(['sources']);
  const [busy, setBusy] = useState(false);
  const [sought, seek] = useState('');
  const all = names.all('sources');
  if (!data || !all.length) return null;
  const sources = all.filter(({ label }) => !sought.trim() || matches(sought.trim(), label));
  /** Of these sources, as they are now: what somebody gave meanwhile on others stays. */
  const change = async (ids: Id[], after: (rights: string[]) => string[]) => {
    setBusy(true);
    const next = (now: Record<string, string[]>) => Object.fromEntries(ids.map((id) => [id, after(now[id] ?? [])]));
    client.setQueryData(key, { ...data, ...next(data) });
    try {
      await put(path, next(await get<Record<string, string[]>>(path)));
    } catch (trouble) {
      complain(trouble);
    }
    await client.invalidateQueries({ queryKey: key });
    setBusy(false);
  };
  // Who answers reads; who does not read does nothing.
  const give = (ids: Id[], right: string, on: boolean) =>
    void change(ids, (rights) => (on ? [...new Set(['read', ...rights, right])] : right === 'read' ? [] : rights.filter((one) => one !== right)));
  const approve = (id: Id, how: string) => void change([id], (rights) => [...rights.filter((one) => !isApproval(one)), ...(how ? [how] : [])]);
  const word = (right: string): string => w(`right_${right}` as Word);
  return (
    <section className="admin-part" aria-label={w('rights_on_sources')}>
      <h2>{w('rights_on_sources')}</h2>
      <p>{w('rights_lead')}</p>
      {all.length >= SEARCHED && <input type="search" aria-label={w('search_list')} placeholder={w('search_list')} value={sought} onChange={(event) => seek(event.target.value)} />}
      <div className="table matrix">
        <table>
          <thead>
            <tr>
              <th scope="col">{w('source')}</th>
              {RIGHTS.map((right) => (
                <th key={right} scope="col">
                  {word(right)}
                </th>
              ))}
              <th scope="col">{w('right_approval_required')}</th>
            </tr>
          </thead>
          <tbody>
            {sources.length > 1 && (
              <tr className="still whole">
                <th scope="row">{w('rights_all')}</th>
                {RIGHTS.map((right) => {
                  const ids = sources.map(({ id }) => id);
                  const held = ids.filter((id) => data[id]?.includes(right)).length;
                  return (
                    <td key={right} data-label={word(right)}>
                      <input
                        type="checkbox"
                        aria-label={t('named', { name: w('rights_all'), value: word(right) })}
                        disabled={busy || fixed}
                        checked={held === ids.length}
                        ref={(box) => void (box && (box.indeterminate = held > 0 && held < ids.length))}
                        onChange={() => give(ids, right, held < ids.length)}
                      />
                    </td>
                  );
                })}
                <td />
              </tr>
            )}
            {sources.map(({ id, label }) => (
              <tr key={id} className="still">
                <th scope="row">{label}</th>
                {RIGHTS.map((right) => (
                  <td key={right} data-label={word(right)}>
                    <input type="checkbox" aria-label={t('named', { name: label, value: word(right) })} disabled={busy || fixed} checked={!!data[id]?.includes(right)} onChange={(event) => give([id], right, event.target.checked)} />
                  </td>
                ))}
                <td data-label={word('approval_required')}>
                  <select
                    aria-label={t('named', { name: label, value: w('right_approval_required') })}
                    disabled={busy || fixed || !data[id]?.includes('read')}
                    value={data[id]?.find(isApproval) ?? ''}
                    onChange={(event) => approve(id, event.target.value)}
                  >
                    <option value="">{w('approval_none')}</option>
                    <option value={ALWAYS}>{w('approval_always')}</option>
                    {SHARES.map((share) => (
                      <option key={share} value={SHARE + share}>
                        {w('approval_share', { share })}
                      </option>
                    ))}
                  </select>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
};

/** By what other systems know them that sign people in. */
const KNOWN = ['openid_subject', 'jwt_external_id'] as const;

const KnownAs = ({ user }: { user: Id }) => (
  <section className="admin-part" aria-label={w('known_as')}>
    <h2>{w('known_as')}</h2>
    <p>{w('known_as_lead')}</p>
    {KNOWN.map((name) => (
      <AccountForm key={name} path={`/users/${user}/${name}`} family="user" fields={[{ name, label: `known_${name}`, type: 'text', max: 255 }]} />
    ))}
  </section>
);

export default More;
