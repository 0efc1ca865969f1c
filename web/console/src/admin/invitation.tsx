// What became of an invitation: it stands first on the page of who has not come in yet.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, post } from '../api/client.ts';
import { moment } from '../time.ts';
import { Button } from '../ui/pieces.tsx';
import { complain } from '../ui/toasts.tsx';
import type { Made } from './kinds.ts';
import { Copyable, Once } from './once.tsx';
import { w } from './words/index.ts';

/** How the invitation reaches them; where no mail does, what to do about it. */
const Invitation = ({ record: user, mayChange }: { record: Made; mayChange: boolean }) => {
  const path = `/users/${user.id}/invitation`;
  const { data } = useQuery({
    queryKey: ['admin', 'user', user.id, 'invitation'],
    queryFn: ({ signal }) => get<{ mail_server: boolean; mailed: boolean; mail_error: string | null }>(path, {}, signal),
    enabled: user.invitation_pending,
    // The letter is written a moment after the invitation.
    refetchInterval: ({ state }) => (state.data?.mail_server && !state.data.mailed ? 3_000 : false),
  });
  const [link, setLink] = useState<{ url: string; ends_at: string }>();
  if (!user.invitation_pending || !data) return null;
  const reason = (data.mail_error ?? '').replace(/[.]?$/, '.');
  return (
    <section className="admin-part first" aria-label={w('invitation')}>
      <h2>{w('invitation')}</h2>
      {data.mailed ? (
        <p>{w('invitation_sent')}</p>
      ) : mayChange ? (
        <>
          <p>{!data.mail_server ? w('invitation_no_server') : data.mail_error ? w('invitation_failed', { reason }) : w('invitation_not_mailed')}</p>
          {link && <Once text={link.url} label={w('invitation_link_once', { until: moment(link.ends_at) })} />}
          <Button look={link ? 'plain' : 'main'} onClick={() => void post<{ url: string; ends_at: string }>(`${path}/link`).then(setLink, complain)}>
            {w(link ? 'invitation_link_again' : 'invitation_link')}
          </Button>
        </>
      ) : (
        <>
          <p>{w('invitation_not_yours')}</p>
          <Copyable text={`frontdesk user password --user '${user.email.replaceAll("'", "'\\''")}'`} label={w('invitation')} />
        </>
      )}
    </section>
  );
};

export default Invitation;
