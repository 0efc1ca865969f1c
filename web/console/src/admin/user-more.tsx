// What a user may on each source, and help for who has lost their second factor.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { destroy, get, put } from '../api/client.ts';
import { client } from '../data.ts';
import { t } from '../language/index.ts';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { type Word, w } from './words/index.ts';

const RIGHTS = ['read', 'reply', 'reply_with_html', 'initiate_discussion', 'destroy', 'approval_required'] as const;

const More = ({ record }: { record: Made }) => {
  const key = ['admin', 'user', record.id, 'sources_permissions'];
  const path = `/users/${record.id}/sources_permissions`;
  const { data } = useQuery({ queryKey: key, queryFn: ({ signal }) => get<Record<string, string[]>>(path, {}, signal) });
  const names = useNames(['sources']);
  const [busy, setBusy] = useState(false);
  if (!data) return null;
  /** One source at a time, as it is now: what somebody gave meanwhile on another stays. */
  const toggle = async (source: string, right: string) => {
    setBusy(true);
    const has = !!data[source]?.includes(right);
    // Who answers reads; who does not read does nothing.
    const after = (rights: string[] = []): string[] => {
      const others = rights.filter((one) => one !== right);
      if (has) return right === 'read' ? [] : others;
      return [...new Set(['read', ...others, right])];
    };
    client.setQueryData(key, { ...data, [source]: after(data[source]) });
    try {
      const next = after((await get<Record<string, string[]>>(path))[source]);
      await put(path, { [source]: next.join(',') });
    } catch (trouble) {
      complain(trouble);
    }
    await client.invalidateQueries({ queryKey: key });
    setBusy(false);
  };
  const sources = names.all('sources');
  return (
    <>
      {sources.length > 0 && (
        <section className="admin-part">
          <h2>{w('rights_on_sources')}</h2>
          <p>{w('rights_lead')}</p>
          <div className="table matrix">
            <table>
              <thead>
                <tr>
                  <th scope="col">{w('source')}</th>
                  {RIGHTS.map((right) => (
                    <th key={right} scope="col">
                      {w(`right_${right}` as Word)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {sources.map(({ id, label }) => (
                  <tr key={id} className="still">
                    <th scope="row">{label}</th>
                    {RIGHTS.map((right) => (
                      <td key={right} data-label={w(`right_${right}` as Word)}>
                        <input
                          type="checkbox"
                          aria-label={t('named', { name: label, value: w(`right_${right}` as Word) })}
                          disabled={busy}
                          checked={!!data[id]?.includes(right)}
                          onChange={() => void toggle(id, right)}
                        />
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      <section className="admin-part">
        <h2>{w('remove_factor')}</h2>
        <p>{w('remove_factor_lead')}</p>
        <Button onClick={() => void destroy(`/users/${record.id}/second_factor`).then(() => say(w('factor_removed')), complain)}>{w('remove_factor')}</Button>
      </section>
    </>
  );
};

export default More;
