// Other systems that sign people in: by OpenID Connect, and by a shared secret.

import { AccountForm } from './account-form.tsx';
import type { Field } from './kinds.ts';
import { Copyable } from './once.tsx';
import { type Word, w } from './words/index.ts';

const BOTH: Field[] = [
  { name: 'non_sso_login', label: 'sso_non_sso_login', type: 'flag' },
  { name: 'default_authentication', label: 'sso_default_authentication', type: 'flag' },
  { name: 'enabled', label: 'sso_enabled', type: 'flag' },
];

const OPENID: Field[] = [
  { name: 'issuer', label: 'sso_issuer', type: 'text' },
  { name: 'client_id', label: 'sso_client_id', type: 'text', max: 255 },
  { name: 'client_secret', label: 'sso_client_secret', type: 'secret', max: 1_000 },
  { name: 'name', label: 'sso_name', type: 'text', max: 255 },
  { name: 'match_by_email', label: 'sso_match_by_email', type: 'flag' },
  { name: 'create_users', label: 'sso_create_users', type: 'flag' },
  { name: 'role_id', label: 'sso_role_id', type: 'choice', choices: { of: 'roles' }, when: ({ create_users }) => create_users },
  { name: 'email_domains', label: 'sso_email_domains', type: 'lines', when: ({ create_users, match_by_email }) => create_users || match_by_email },
  { name: 'sign_out_there', label: 'sso_sign_out_there', type: 'flag' },
  ...BOTH,
];

const JWT: Field[] = [
  { name: 'shared_secret', label: 'sso_shared_secret', type: 'secret', max: 1_000 },
  { name: 'remote_login_url', label: 'sso_remote_login_url', type: 'text' },
  { name: 'remote_logout_url', label: 'sso_remote_logout_url', type: 'text' },
  ...BOTH,
];

/** What the other system needs to know of this one. */
const Told = ({ text, label }: { text: string; label: Word }) => (
  <>
    <p>{w(label)}</p>
    <Copyable text={text} label={w(label)} />
  </>
);

const SingleSignOn = () => (
  <>
    <section className="admin-part first" aria-label={w('sso_openid')}>
      <h2>{w('sso_openid')}</h2>
      <p>{w('sso_openid_lead')}</p>
      <AccountForm path="/single_sign_on/openid" family="security" fields={OPENID} refers={['roles']}>
        {({ redirect_uri, post_logout_redirect_uri }) => (
          <>
            <Told text={redirect_uri} label="sso_redirect_uri" />
            <Told text={post_logout_redirect_uri} label="sso_post_logout_redirect_uri" />
          </>
        )}
      </AccountForm>
    </section>
    <section className="admin-part" aria-label={w('sso_jwt')}>
      <h2>{w('sso_jwt')}</h2>
      <p>{w('sso_lead')}</p>
      <AccountForm path="/single_sign_on/jwt" family="security" fields={JWT}>
        {({ endpoint_url }) => <Told text={endpoint_url} label="sso_endpoint" />}
      </AccountForm>
    </section>
  </>
);

export default SingleSignOn;
