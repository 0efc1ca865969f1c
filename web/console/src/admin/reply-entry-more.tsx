// What an entry of the reply assistant says: its versions, by language and source.

import { useQueries } from '@tanstack/react-query';
import { useState } from 'react';
import { destroy, get, post, put } from '../api/client.ts';
import type { Attachment } from '../api/types.ts';
import { client } from '../data.ts';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import { keep } from './edits.ts';
import { Form } from './form.tsx';
import type { Field, Made } from './kinds.ts';
import { w } from './words/index.ts';

const PATH = '/reply_assistant/versions';
const FAMILY = 'reply_assistant_knowledge_base_version';
const FIELDS: Field[] = [
  { name: 'body', label: 'reply_body', type: 'long', needed: true, max: 20_000 },
  { name: 'format', type: 'choice', choices: ['text', 'html'], said: 'f_format_', needed: true },
  { name: 'language', type: 'text', max: 2 },
  { name: 'source_ids', label: 'f_source_ids_everywhere', type: 'many', choices: { of: 'sources' } },
  { name: 'attachment_ids', type: 'files' },
];
const FRESH = { format: 'text' };

const read = async (id: string): Promise<Made> => {
  const version = await get<Made>(`${PATH}/${id}`, { extended: true });
  return { ...version, attachment_ids: (version.attachments as Attachment[]).map((file) => file.id) };
};

const More = ({ record }: { record: Made }) => {
  const ids: string[] = record.version_ids ?? [];
  const names = useNames(['sources']);
  const versions = useQueries({ queries: ids.map((id) => ({ queryKey: ['admin', FAMILY, id], queryFn: () => read(id) })) });
  const [adds, setAdds] = useState(false);
  const changed = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ['admin', FAMILY] }),
      client.invalidateQueries({ queryKey: ['admin', 'reply_assistant_knowledge_base_entry'] }),
      client.invalidateQueries({ queryKey: ['suggestions'] }),
    ]);
  const remove = (id: string) =>
    destroy(`${PATH}/${id}`).then(() => {
      keep(`reply_versions/${id}`, undefined);
      say(w('removed'));
      return changed();
    }, complain);
  const isAdding = adds || !ids.length;
  return (
    <section className="admin-part">
      <h2>{w('reply_versions')}</h2>
      <p>{w('reply_versions_lead')}</p>
      {versions.map(
        ({ data }, at) =>
          data && (
            <details key={data.id} open={ids.length === 1 || undefined} className="version">
              <summary>
                <span className="grow">{data.body.trim().split('\n')[0]}</span>
                <span className="faint">{[data.language, ...data.source_ids.map((id: string) => names.of('sources', id))].filter(Boolean).join(' · ')}</span>
              </summary>
              <Form
                place={`reply_versions/${data.id}`}
                record={data}
                isNew={false}
                fields={FIELDS}
                names={names}
                again={() => read(ids[at]!)}
                save={async (edits) => {
                  await put(`${PATH}/${data.id}`, edits);
                  await changed();
                }}
              >
                <Button look="quiet" className="danger" onClick={() => void remove(data.id)}>
                  {w('remove')}
                </Button>
              </Form>
            </details>
          ),
      )}
      {isAdding ? (
        <Form
          place={`reply_versions/new/${record.id}`}
          record={{ id: '', ...FRESH }}
          isNew
          fields={FIELDS}
          names={names}
          verb="reply_version_add"
          save={async (edits) => {
            await post(PATH, { ...FRESH, ...edits, entry_id: record.id });
            keep(`reply_versions/new/${record.id}`, undefined);
            setAdds(false);
            await changed();
          }}
        />
      ) : (
        <Button icon="plus" onClick={() => setAdds(true)}>
          {w('reply_version_add')}
        </Button>
      )}
    </section>
  );
};

export default More;
