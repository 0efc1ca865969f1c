// Work that finds the agent: what rings, what is in their hands, and whether they are there.

import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { get, post, put, Refusal } from '../api/client.ts';
import type { Id, Intervention, Page } from '../api/types.ts';
import { client, useMe, useThread } from '../data.ts';
import { useKeys } from '../keyboard.ts';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { customerName, useSource } from '../names.ts';
import { tell } from '../embed.tsx';
import { notify } from '../notices.ts';
import { address, go } from '../routes.ts';
import { useUrgent } from '../screen.ts';
import { onSession } from '../session.ts';
import { useNow } from '../time.ts';
import { Choice } from '../ui/choice.tsx';
import { Icon } from '../ui/icon.tsx';
import { Avatar, Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { be, connect, disconnect, isAway, resume, useStatus } from './presence.ts';

export interface Task {
  id: Id;
  thread_id: Id;
  channel_id: Id;
  content_id: Id;
  intervention_id: Id | null;
  agent_ids: Id[];
  accepted_at: string | null;
  expire_at: string | null;
  /** Which handling of the customer's case it is, from 1. */
  segment_index: number;
}

const useTasks = (queue: string | undefined): Task[] =>
  useQuery({
    queryKey: ['tasks', queue],
    queryFn: async ({ signal }) => (await get<Page<Task>>('/tasks', { queue, extended: true, limit: 150 }, signal)).records,
    enabled: !!queue,
  }).data ?? [];

/** Those in the agent's hands. */
export const useWorkbin = (): Task[] => {
  const status = useStatus();
  return useTasks(status && `workbin_${status.agent_id}`);
};

const again = (): void => void client.invalidateQueries({ queryKey: ['tasks'] });

/** What is accepted is taken, so that colleagues see whose it is. A case that is open came along with the task. */
async function engage({ thread_id, content_id, intervention_id }: Task): Promise<void> {
  const isOpen = !!intervention_id && !(await get<Intervention>(`/interventions/${intervention_id}`)).closed;
  if (!isOpen) await post('/interventions', { content_id });
  touch(thread_id);
}

/** Waits for somebody else again, and so does its case, unless somebody has it already. */
export async function giveBack(task: Task): Promise<void> {
  await post(`/tasks/${task.id}/release`);
  again();
  if (!task.intervention_id) return;
  await put(`/interventions/${task.intervention_id}/release`).catch((trouble) => {
    if (!(trouble instanceof Refusal && trouble.status < 500)) throw trouble;
  });
}

/** The agent's presence, and what is in their hands. */
export const Presence = () => {
  const status = useStatus();
  const [open, setOpen] = useState(false);
  const workbin = useWorkbin();
  const reasons =
    useQuery({
      queryKey: ['presence_status'],
      queryFn: async ({ signal }) => (await get<Page<{ id: Id; name: string }>>('/presence_status', { limit: 150 }, signal)).records,
      enabled: !!status,
    }).data ?? [];
  useEffect(resume, []);
  const away = status && isAway(status);
  const reason = reasons.find(({ id }) => id === status?.custom_status?.id)?.name;
  const options = status
    ? [
        { id: 'available', label: t('available') },
        { id: 'away', label: t('away') },
        ...reasons.map(({ id, name }) => ({ id, label: name, detail: t('away') })),
        { id: 'request', label: t('request_task'), group: t('tasks') },
        { id: 'stop', label: t('stop_tasks'), group: t('tasks') },
      ]
    : [{ id: 'start', label: t('receive_tasks') }];
  const pick = (id: string) => {
    if (id === 'start') return void connect().catch(complain);
    if (id === 'stop') return void disconnect().catch(complain);
    if (id === 'request') {
      post<Task>('/tasks/request')
        .then((task) => {
          again();
          if (!task?.thread_id) return;
          go({ folder: 'all', thread: task.thread_id, q: '' });
          return engage(task);
        })
        .catch((trouble) => (trouble instanceof Refusal && trouble.status === 404 ? say(t('no_task_waits')) : complain(trouble)));
      return;
    }
    be(id).catch(complain);
  };
  return (
    <section className="presence" aria-label={t('tasks')}>
      {workbin.length > 0 && (
        <>
          <h2>{t('in_hand', { count: workbin.length })}</h2>
          <ul>
            {workbin.map((task) => (
              <li key={task.id}>
                <InHand task={task} />
              </li>
            ))}
          </ul>
        </>
      )}
      <Choice look="quiet" label={t('tasks')} open={open} setOpen={setOpen} searched={false} options={options} pick={pick}>
        <span className="presence-state">
          <i className={status ? (away ? 'away' : 'there') : ''} />
          <span>{status ? (reason ?? t(away ? 'away' : 'available')) : t('no_tasks')}</span>
        </span>
      </Choice>
    </section>
  );
};

/** As it was when the page around was told of it last, by its thread: what was set aside comes back as another task. */
const toldOf = new Map<Id, string>();
onSession(() => toldOf.clear());

/** As the documented event writes times. */
const written = (at: string): string => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} +0000`;

const InHand = ({ task }: { task: Task }) => {
  const thread = useThread(task.thread_id).data;
  const me = useMe().data?.id;
  const last = thread?.last_content;
  const now = thread && [task.segment_index, last?.id, last?.status, thread.intervention?.deferred_at].join(' ');
  useEffect(() => {
    if (!thread || !now) return;
    const before = toldOf.get(thread.id);
    toldOf.set(thread.id, now);
    // The page around hears of an answer, of a message, and of what was set aside and came back.
    if (before !== undefined && before !== now) {
      const isTheirs = !!last && !last.creator_id;
      tell('task:updated', {
        Id: task.id,
        channelId: task.channel_id,
        contentId: last?.id ?? null,
        contentThreadId: thread.id,
        identityId: thread.customer?.id ?? null,
        interventionId: thread.intervention?.id ?? task.intervention_id,
        sourceId: thread.source_id,
        queue: `workbin_${me}`,
        segmentIndex: task.segment_index,
        lastIdentityContentBody: isTheirs ? last.excerpt : null,
        lastIdentityContentCreatedAt: isTheirs ? written(last.created_at) : null,
        waitingForUser: isTheirs,
        identitySignature: thread.customer?.display_name ?? null,
        identityAvatarUrl: thread.customer?.avatar_url ?? null,
      });
    }
  }, [now]);
  const isUrgent = useUrgent()(thread?.waiting_since, useNow());
  const to = { folder: 'all', thread: task.thread_id, q: '', sort: 'newest' } as const;
  return (
    <a
      className="folder"
      href={address(to)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      <Icon name="circle" />
      <span className="folder-label">{thread ? customerName(thread) : '…'}</span>
      {isUrgent && <span className="urgent">{t('urgent')}</span>}
    </a>
  );
};

/** What rings, above everything else until it is answered. */
export const Ringing = () => {
  const status = useStatus();
  const me = useMe().data;
  const task = useTasks(status && 'global').find(({ agent_ids, expire_at }) => expire_at && me && agent_ids.includes(me.id));
  return task ? <Ring key={task.id} task={task} /> : null;
};

const Ring = ({ task }: { task: Task }) => {
  const thread = useThread(task.thread_id).data;
  const source = useSource(thread?.source_id);
  const [seconds, setSeconds] = useState<number>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const count = () => setSeconds(Math.max(0, Math.ceil((Date.parse(task.expire_at ?? '') - Date.now()) / 1000)));
    count();
    const timer = setInterval(count, 1_000);
    return () => clearInterval(timer);
  }, [task.expire_at]);
  const excerpt = thread?.last_content?.excerpt;
  const known = thread && customerName(thread);
  const isUrgent = useUrgent()(thread?.waiting_since, useNow());
  const about = { Id: task.id, contentId: task.content_id, identityId: thread?.customer?.id ?? null, interventionId: task.intervention_id, sourceId: thread?.source_id ?? null, queue: 'global' };
  const ringing = useRef(about);
  ringing.current = about;
  const answered = useRef(false);
  useEffect(() => {
    if (known) tell('task:ring', { ...ringing.current, body: excerpt ?? '', author: known });
    if (known) notify(t('rings', { name: known }), excerpt ?? '', task.thread_id);
    // Once for each task, when it is known whose it is.
  }, [known, task.id]);
  useEffect(() => () => void (answered.current || tell('task:missed', ringing.current)), [task.id]);
  const answer = (how: 'accept' | 'refuse') => {
    if (busy) return;
    answered.current = true;
    setBusy(true);
    post<Task>(`/tasks/${task.id}/${how}`)
      .then((answered) => {
        touch(task.thread_id);
        if (how === 'accept') {
          say(t('accepted'));
          go({ folder: 'all', thread: task.thread_id, q: '' });
          return engage(answered);
        }
      })
      .catch(complain)
      .finally(() => {
        setBusy(false);
        again();
      });
  };
  useKeys({ Y: () => answer('accept'), N: () => answer('refuse') });
  const name = thread ? customerName(thread) : '…';
  return (
    <div className="ring" role="alertdialog" aria-modal="false" aria-label={t('rings', { name })}>
      <Avatar name={name} />
      <div className="ring-words">
        <strong>{t('rings', { name })}</strong>
        <span>{thread?.last_content?.excerpt ?? ''}</span>
        <small>
          {isUrgent && <span className="urgent">{t('urgent')}</span>}
          {source?.name}
          {seconds !== undefined && ` · ${t('rings_for', { count: seconds })}`}
        </small>
      </div>
      <Button look="main" keys="Y" disabled={busy} onClick={() => answer('accept')}>
        {t('accept')}
      </Button>
      <Button keys="N" disabled={busy} onClick={() => answer('refuse')}>
        {t('refuse')}
      </Button>
    </div>
  );
};
