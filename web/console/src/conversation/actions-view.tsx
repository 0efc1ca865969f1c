// What can be done with a conversation, with its key. What its state does not allow says why when it is tried.

import { lazy, Suspense, useEffect, useState } from 'react';
import { archive, assign, assignMany, categorise, choosable, defer, openOf, reactivate, resolve } from '../actions.ts';
import { destroy, get, put } from '../api/client.ts';
import type { Id, Intervention, Thread } from '../api/types.ts';
import { useChoosing } from '../choosing.ts';
import { useCategories, useMe, useUsers } from '../data.ts';
import { aboutIntervention, tell } from '../embed.tsx';
import { useKeys } from '../keyboard.ts';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { customerName, useUserName } from '../names.ts';
import { useMay, useMayHandle, useMayOn } from '../rights.tsx';
import { go, type Route } from '../routes.ts';
import { moment } from '../time.ts';
import { giveBack, useWorkbin } from '../tasks/tasks.tsx';
import { Choice } from '../ui/choice.tsx';
import { Moments } from '../ui/moments.tsx';
import { Avatar, Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { assignee, assignees } from './assignees.tsx';
import { Ending, useEndings } from './ending.tsx';

const Transfer = lazy(() => import('../tasks/transfer.tsx'));

export const Actions = ({ thread, interventions, route }: { thread: Thread; interventions: Intervention[] | undefined; route: Route }) => {
  const me = useMe().data;
  const users = useUsers();
  const categories = useCategories();
  const userName = useUserName();
  const task = useWorkbin().find(({ thread_id }) => thread_id === thread.id);
  useEffect(() => {
    if (task) tell('task:selected', { Id: task.id, contentId: task.content_id, identityId: thread.customer?.id ?? null, interventionId: task.intervention_id, sourceId: thread.source_id, queue: 'workbin' });
  }, [task?.id]);
  const [opened, setOpened] = useState<'assign' | 'categories' | 'defer' | 'more' | 'outcome' | 'transfer'>();
  const open = openOf(interventions);
  const mine = !!open && open.user_id === me?.id;
  const handle = useMayHandle();
  const mayAssign = handle.assign(open?.user_id);
  // What is a colleague's is only taken by who may give it away.
  const mayTake = !mine && (!open?.user_id || mayAssign);
  // Of what is over and in which nobody waits, taking it is going on with it.
  const takes = !open && !!thread.intervention?.closed_at && !thread.waiting_since ? 'reopen' : 'take';
  const mayDefer = !!open && handle.change(open.user_id);
  const mayResolve = !!open && handle.close(open.user_id);
  const set = (which: typeof opened) => (is: boolean) => setOpened(is ? which : undefined);

  const take = () =>
    assign(thread, me?.id)
      .then((undo) => {
        tell('content:intervention_opened', aboutIntervention(thread, open?.id));
        say(t('taken_now'), { undo: () => void undo().catch(complain) });
      })
      .catch(complain);
  const leave = () => go({ thread: undefined });
  const endings = useEndings(thread.source_id);
  /** `said`: how it ended. What has to be said first is asked for. */
  const doResolve = (said: Id[] = open?.category_ids ?? []) => {
    if (!open) return;
    if (endings.isMissing(said)) return setOpened('outcome');
    tell('content:intervention_closed', aboutIntervention(thread, open.id));
    resolve([{ ...thread, intervention: { ...open, closed_at: null } }]);
    leave();
  };
  const doArchive = () => {
    archive([thread]);
    leave();
  };
  const doDelete = () => {
    if (!confirm(t('delete_thread_sure', { name: customerName(thread) }))) return;
    destroy(`/content_threads/${thread.id}`)
      .then(() => {
        leave();
        touch(thread.id);
        say(t('thread_deleted'));
      })
      .catch(complain);
  };
  useKeys({
    ...(mayTake && { E: () => void take() }),
    ...(mayAssign && { A: () => setOpened('assign') }),
    L: () => setOpened('categories'),
    ...(mayDefer && { D: () => setOpened('defer') }),
    ...(mayResolve && { F: () => doResolve() }),
    I: doArchive,
  });

  const offered = choosable(categories, thread.source_id).filter(({ root }) => !root.post_qualification);
  const { held, toggle } = useChoosing({
    held: thread.thread_category_ids,
    offered,
    read: async () => (await get<Thread>(`/content_threads/${thread.id}`)).thread_category_ids,
    write: (ids) => categorise(thread, ids),
    again: () => touch(thread.id),
  });
  const names = offered.filter(({ id }) => thread.category_ids.includes(id));
  const [may, mayOn] = [useMay(), useMayOn(thread.source_id)];
  const more = [
    ...(may(thread.closed ? 'open_content_thread' : 'close_content_thread') ? [{ id: thread.closed ? 'open' : 'close', label: t(thread.closed ? 'open_thread' : 'close_thread') }] : []),
    ...(task ? [{ id: 'transfer', label: t('hand_on') }, { id: 'give_back', label: t('give_back') }] : []),
    ...(thread.text_input_disabled === undefined || !mayOn('reply') ? [] : [thread.text_input_disabled ? { id: 'enable_text_input', label: t('let_type') } : { id: 'disable_text_input', label: t('stop_typing') }]),
    ...(may('mute_content') ? [{ id: thread.muted ? 'unmute' : 'mute', label: t(thread.muted ? 'unmute' : 'mute') }] : []),
    { id: 'archive', label: t('archive'), keys: 'I' },
    ...(may('delete_content_thread') ? [{ id: 'delete', label: t('delete_thread') }] : []),
  ];
  const owner = open && (
    <span className="assignee">
      <Avatar name={userName(open.user_id)} size="s" />
      <span className="wide-only">{open.user_id === me?.id ? t('you') : userName(open.user_id)}</span>
    </span>
  );
  return (
    <div className="actions" role="toolbar" aria-label={t('conversation')}>
      {mayTake && (
        <Button onClick={() => void take()} title={`${t(takes)} (E)`}>
          {t(takes)}
        </Button>
      )}
      {mayAssign ? (
        <Choice
          label={open ? t('assigned_to', { name: userName(open.user_id) }) : t('assign')}
          keys="A"
          look="quiet"
          open={opened === 'assign'}
          setOpen={set('assign')}
          placeholder={t('assign')}
          options={opened === 'assign' ? assignees(users, me, !!open?.user_id) : []}
          pick={(id) => void assignMany([thread], assignee(users, id))}
        >
          {owner ?? t('assign')}
        </Choice>
      ) : (
        owner
      )}
      <Choice
        label={names.length ? t('named', { name: t('categories'), value: names.map(({ path }) => path).join(', ') }) : t('categories')}
        keys="L"
        icon="tag"
        bare
        many
        open={opened === 'categories'}
        setOpen={set('categories')}
        placeholder={t('categories')}
        empty={t('no_categories')}
        options={(opened === 'categories' ? offered : []).map(({ id, path }) => ({ id, label: path, checked: held.includes(id) }))}
        pick={toggle}
      />
      {mayDefer && (
        <Moments
          title={t('defer')}
          label={open.deferred_at ? t('deferred_until', { when: moment(open.deferred_at) }) : t('defer')}
          keys="D"
          icon="clock"
          bare
          open={opened === 'defer'}
          setOpen={set('defer')}
          rates={open.defer_rates}
          first={open.deferred_at ? [{ id: 'now', label: t('reactivate'), act: () => void reactivate(open.id, thread.id).catch(complain) }] : []}
          pick={(at) => {
            defer(open.id, thread.id, at)
              .then(() => {
                say(t('deferred_now'), { undo: () => void reactivate(open.id, thread.id).catch(complain) });
                if (route.folder === 'mine') leave();
              })
              .catch(complain);
          }}
        />
      )}
      <Choice
        label={t('more')}
        icon="more"
        bare
        searched={false}
        open={opened === 'more'}
        setOpen={set('more')}
        options={more}
        pick={(id) => {
          if (id === 'archive') return doArchive();
          if (id === 'delete') return void setTimeout(doDelete);
          if (id === 'transfer') return void setTimeout(() => setOpened('transfer'));
          if (id === 'give_back') return void (task && giveBack(task).then(() => touch(thread.id), complain));
          const path = `/content_threads/${thread.id}/${id}`;
          // Opening a thread is documented as a GET as well; PUT says that it changes something.
          put(path)
            .then(() => touch(thread.id))
            .catch(complain);
        }}
      />
      {mayResolve && (
        <Button look="main" className="resolve" icon="check" onClick={() => doResolve()} title={`${t('resolve')} (F)`}>
          {t('resolve')}
        </Button>
      )}
      {task && opened === 'transfer' && (
        <Suspense>
          <Transfer task={task} close={() => setOpened(undefined)} />
        </Suspense>
      )}
      {open && opened === 'outcome' && (
        <Ending
          endings={endings}
          said={open.category_ids}
          say={(said) =>
            void endings
              .save(open, open.category_ids, said)
              .then(() => doResolve(said))
              .catch(complain)
          }
          close={() => setOpened(undefined)}
        />
      )}
    </div>
  );
};

