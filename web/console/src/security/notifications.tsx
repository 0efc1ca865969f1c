// Of what somebody gets a mail: seven switches, each kept as soon as it is set.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, put } from '../api/client.ts';
import { client, useMe } from '../data.ts';
import { t } from '../language/index.ts';
import { complain } from '../ui/toasts.tsx';

const SWITCHES = [
  'intervention_assigned',
  'content_imported_in_my_interventions',
  'intervention_reactivated',
  'content_requiring_approval',
  'content_thread_categorized_in_my_categories',
  'content_imported_in_identity_tags',
  'content_imported_in_my_sources',
] as const;
type Switches = Record<(typeof SWITCHES)[number], boolean>;

const KEY = ['notifications'];

/** One after the other: of two quick changes of one switch the later counts. */
let saving: Promise<unknown> = Promise.resolve();

export const Notifications = () => {
  const me = useMe().data;
  const path = `/users/${me?.id}/notifications`;
  const { data } = useQuery({ queryKey: KEY, queryFn: ({ signal }) => get<Switches>(path, {}, signal), enabled: !!me });
  // What was chosen here counts at once, whatever is being fetched meanwhile.
  const [chosen, setChosen] = useState<Partial<Switches>>({});
  if (!data) return null;
  const shown = { ...data, ...chosen };
  const set = (name: keyof Switches, on: boolean) => {
    setChosen((before) => ({ ...before, [name]: on }));
    saving = saving
      .then(() => put<Switches>(path, { [name]: on }))
      .catch((trouble: unknown) => {
        complain(trouble);
        setChosen((before) => ({ ...before, [name]: !on }));
      })
      .then(() => client.invalidateQueries({ queryKey: KEY }));
  };
  return (
    <section>
      <h2>{t('mails')}</h2>
      <p className="lead">{t('mails_lead')}</p>
      <div className="switches">
        {SWITCHES.map((name) => (
          <label key={name}>
            <input type="checkbox" checked={shown[name]} onChange={(event) => set(name, event.target.checked)} />
            <span>{t(`mail_${name}`)}</span>
          </label>
        ))}
      </div>
    </section>
  );
};
