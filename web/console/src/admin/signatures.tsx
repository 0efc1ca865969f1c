// What somebody puts under their answers: one text for each language, or for some sources.

import './admin.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { destroy, get, post, put } from '../api/client.ts';
import type { Id, Page } from '../api/types.ts';
import { client } from '../data.ts';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import { keep } from './edits.ts';
import { Form } from './form.tsx';
import type { Field, Made } from './kinds.ts';
import { w } from './words/index.ts';

const FIELDS: Field[] = [
  { name: 'name', type: 'text', max: 255 },
  { name: 'body', label: 'reply_body', type: 'long', needed: true, max: 10_000 },
  { name: 'language', type: 'text', max: 2 },
  { name: 'source_ids', label: 'f_source_ids_everywhere', type: 'many', choices: { of: 'sources' } },
];
const SIGNATURES = 150;

const Signatures = ({ user, fixed = false }: { user: Id; fixed?: boolean }) => {
  const path = `/users/${user}/signatures`;
  const key = ['admin', 'user', user, 'signatures'];
  const { data } = useQuery({ queryKey: key, queryFn: async ({ signal }) => (await get<Page<Made>>(path, { limit: SIGNATURES }, signal)).records });
  const names = useNames(['sources']);
  const [adds, setAdds] = useState(false);
  if (!data) return null;
  const changed = () => Promise.all([client.invalidateQueries({ queryKey: key }), client.invalidateQueries({ queryKey: ['signatures'] })]);
  const remove = (id: Id) =>
    destroy(`${path}/${id}`).then(() => {
      keep(`signatures/${id}`, undefined);
      say(w('removed'));
      return changed();
    }, complain);
  return (
    <section className="admin-part signatures" aria-label={w('signatures')}>
      <h2>{w('signatures')}</h2>
      <p>{w('signatures_lead')}</p>
      {data.map((one) => (
        <details key={one.id} className="version">
          <summary>
            <span className="grow" dir="auto">
              {one.name || one.body.trim().split('\n')[0]}
            </span>
            <span className="faint">{[one.language, ...one.source_ids.map((id: Id) => names.of('sources', id))].filter(Boolean).join(' · ')}</span>
          </summary>
          <Form
            place={`signatures/${one.id}`}
            record={one}
            isNew={false}
            fields={FIELDS}
            names={names}
            fixed={fixed}
            again={() => get<Made>(`${path}/${one.id}`)}
            save={async (edits) => {
              await put(`${path}/${one.id}`, edits);
              await changed();
            }}
          >
            <Button look="quiet" className="danger" onClick={() => void remove(one.id)}>
              {w('remove')}
            </Button>
          </Form>
        </details>
      ))}
      {adds ? (
        <Form
          place={`signatures/new/${user}`}
          record={{ id: '' }}
          isNew
          fields={FIELDS}
          names={names}
          verb="add"
          save={async (edits) => {
            await post(path, edits);
            keep(`signatures/new/${user}`, undefined);
            setAdds(false);
            await changed();
          }}
        >
          <Button look="quiet" onClick={() => setAdds(false)}>
            {w('cancel')}
          </Button>
        </Form>
      ) : (
        !fixed && (
          <Button icon="plus" onClick={() => setAdds(true)}>
            {w('signature_add')}
          </Button>
        )
      )}
    </section>
  );
};

export default Signatures;
