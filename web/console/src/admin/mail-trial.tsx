// The mail as it is saved, sent to whoever looks at it.

import { post } from '../api/client.ts';
import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import type { Made } from './kinds.ts';
import { w } from './words/index.ts';

const MailTrial = ({ record }: { record: Made }) => (
  <section className="admin-part">
    <h2>{w('test')}</h2>
    <p>{w('mail_trial_lead')}</p>
    <Button onClick={() => void post<{ to: string }>(`/messaging_mail_templates/${record.id}/preview`).then(({ to }) => say(w('mail_trial_sent', { to })), complain)}>{w('mail_trial')}</Button>
  </section>
);

export default MailTrial;
