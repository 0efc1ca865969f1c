// Handing a task on: to colleagues, to a team, or to whoever fits next, with a word for them.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { post } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import { all, client, useMe, useUsers } from '../data.ts';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { fullName } from '../names.ts';
import { Field, Modal } from '../ui/modal.tsx';
import { Options } from '../ui/options.tsx';
import { Avatar, Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import type { Task } from './tasks.tsx';

const COMMENT_MAX = 2_000;

const Transfer = ({ task, close }: { task: Task; close: () => void }) => {
  const me = useMe().data;
  const users = useUsers().filter(({ id, enabled }) => enabled && id !== me?.id);
  const teams = useQuery({ queryKey: ['teams'], queryFn: ({ signal }) => all<{ id: Id; name: string }>('teams', '/teams', signal) }).data ?? [];
  const [chosen, choose] = useState<ReadonlySet<Id>>(new Set());
  const [comment, setComment] = useState('');
  const [busy, setBusy] = useState(false);
  const toggle = (id: Id) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  const of = (all: { id: Id }[]) => all.filter(({ id }) => chosen.has(id)).map(({ id }) => id);
  const hand = async () => {
    setBusy(true);
    try {
      const [agent_ids, team_ids] = [of(users), of(teams)];
      await post(`/tasks/${task.id}/transfer`, { ...(agent_ids.length && { agent_ids }), ...(team_ids.length && { team_ids }), ...(comment.trim() && { comment: comment.trim() }) });
      void client.invalidateQueries({ queryKey: ['tasks'] });
      touch(task.thread_id);
      say(t('handed_on'));
      close();
    } catch (trouble) {
      complain(trouble);
      setBusy(false);
    }
  };
  return (
    <Modal title={t('hand_on')} close={close}>
      <Options
        many
        label={t('hand_on_to')}
        placeholder={t('hand_on_to')}
        options={[
          ...users.map((user) => ({ id: user.id, label: fullName(user), group: t('colleagues'), checked: chosen.has(user.id), before: <Avatar name={fullName(user)} size="s" /> })),
          ...teams.map(({ id, name }) => ({ id, label: name, group: t('teams'), checked: chosen.has(id) })),
        ]}
        pick={toggle}
      />
      <form
        className="modal-body"
        onSubmit={(event) => {
          event.preventDefault();
          void hand();
        }}
      >
        <Field label={t('hand_on_comment')} hint={chosen.size ? undefined : t('hand_on_anybody')}>
          <textarea rows={2} maxLength={COMMENT_MAX} value={comment} onChange={(event) => setComment(event.target.value)} />
        </Field>
        <footer>
          <Button onClick={close}>{t('cancel')}</Button>
          <Button type="submit" look="main" disabled={busy}>
            {t('hand_on')}
          </Button>
        </footer>
      </form>
    </Modal>
  );
};

export default Transfer;
