// Which topology leads, whether it still fits the account, and what it would have done with what happened.

import { type FormEvent, useState } from 'react';
import { post, put } from '../api/client.ts';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { changed } from './data.ts';
import { draftOf } from './edits.ts';
import { kindOf, type Made } from './kinds.ts';
import { w } from './words/index.ts';

interface Counts {
  accepted: number;
  undelivered: number;
  waiting: number;
  wait_p50: number | null;
  wait_p90: number | null;
}

interface Rehearsed {
  tasks: number;
  happened: Counts;
  rehearsed: Counts;
}

const ROWS = ['accepted', 'undelivered', 'waiting', 'wait_p50', 'wait_p90'] as const;

const More = ({ record }: { record: Made }) => {
  const [found, setFound] = useState<Rehearsed>();
  const [busy, setBusy] = useState(false);
  const faults: Made[] = record.faults ?? [];
  const activate = () => put(`/topologies/${record.id}/activate`).then(() => (say(w('topology_leads')), changed(kindOf('topologies')!)), complain);
  const rehearse = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const since = String(new FormData(event.currentTarget).get('since'));
    setBusy(true);
    try {
      // As it stands in the form, saved or not.
      const written = draftOf(`topologies/${record.id}`)?.edits.json_config ?? record.json_config;
      setFound(await post<Rehearsed>('/topologies/rehearse', { json_config: written, since }));
    } catch (trouble) {
      complain(trouble);
    }
    setBusy(false);
  };
  return (
    <>
      {faults.length > 0 && (
        <section className="admin-part" role="alert">
          <h2>{w('topology_faults')}</h2>
          <ul>
            {faults.map((fault) => (
              <li key={JSON.stringify(fault)} className="problem">
                {fault.message ?? fault.reason ?? JSON.stringify(fault)}
              </li>
            ))}
          </ul>
        </section>
      )}
      <section className="admin-part">
        <h2>{w('topology_lead')}</h2>
        <p>{w(record.active ? 'topology_is_active' : 'topology_lead_lead')}</p>
        {!record.active && <Button onClick={() => void activate()}>{w('topology_activate')}</Button>}
      </section>
      <section className="admin-part">
        <h2>{w('rehearsal')}</h2>
        <p>{w('rehearsal_lead')}</p>
        <form className="admin-tools" onSubmit={rehearse}>
          <label className="beside">
            <span>{w('replay_from')}</span>
            <input type="date" name="since" required />
          </label>
          <Button type="submit" disabled={busy}>
            {w('rehearse')}
          </Button>
        </form>
        {found && (
          <div className="table" role="status">
            <table>
              <thead>
                <tr>
                  <th scope="col">{w('rehearsal_tasks', { count: found.tasks })}</th>
                  <th scope="col">{w('rehearsal_happened')}</th>
                  <th scope="col">{w('rehearsal_would')}</th>
                </tr>
              </thead>
              <tbody>
                {ROWS.map((row) => (
                  <tr key={row} className="still">
                    <th scope="row">{w(`rehearsal_${row}`)}</th>
                    <td data-label={w('rehearsal_happened')}>{found.happened[row] ?? '—'}</td>
                    <td data-label={w('rehearsal_would')}>{found.rehearsed[row] ?? '—'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  );
};

export default More;
