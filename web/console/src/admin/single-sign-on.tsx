// Another system that signs people in.

import { useQuery } from '@tanstack/react-query';
import { get, put } from '../api/client.ts';
import { client } from '../data.ts';
import { Failed, Skeleton } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import { Form } from './form.tsx';
import type { Field, Made } from './kinds.ts';
import { Copyable } from './once.tsx';
import { w } from './words/index.ts';

const FIELDS: Field[] = [
  { name: 'shared_secret', label: 'sso_shared_secret', type: 'secret', max: 1_000 },
  { name: 'remote_login_url', label: 'sso_remote_login_url', type: 'text' },
  { name: 'remote_logout_url', label: 'sso_remote_logout_url', type: 'text' },
  { name: 'enabled', label: 'sso_enabled', type: 'flag' },
  { name: 'non_sso_login', label: 'sso_non_sso_login', type: 'flag' },
  { name: 'default_authentication', label: 'sso_default_authentication', type: 'flag' },
];

const read = (signal?: AbortSignal) => get<Made>('/single_sign_on/jwt', {}, signal);

const SingleSignOn = () => {
  const { data, error, refetch } = useQuery({ queryKey: ['admin', 'security', 'jwt'], queryFn: ({ signal }) => read(signal) });
  const names = useNames([]);
  if (error && !data) return <Failed message={words(error)} again={() => void refetch()} />;
  if (!data) return <Skeleton width="50%" />;
  return (
    <>
      <p className="admin-lead">{w('sso_lead')}</p>
      <section className="admin-part">
        <h2>{w('sso_endpoint')}</h2>
        <Copyable text={data.endpoint_url} label={w('sso_endpoint')} />
      </section>
      <Form
        place="single_sign_on"
        record={data}
        isNew={false}
        fields={FIELDS}
        names={names}
        again={read}
        save={async (edits) => {
          await put('/single_sign_on/jwt', edits);
          await client.invalidateQueries({ queryKey: ['admin', 'security'] });
        }}
      />
    </>
  );
};

export default SingleSignOn;
