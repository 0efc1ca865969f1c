// What can be done with a conversation, with its key. What may not be done says why when it is tried: rights are the
// server's business.

import { lazy, Suspense, useEffect, useState } from 'react';
import { archive, assign, assignMany, categorise, choosable, defer, dispose, openOf, reactivate, resolve, toggled } from '../actions.ts';
import { destroy, put } from '../api/client.ts';
import type { Id, Intervention, Thread } from '../api/types.ts';
import { useCategories, useMe, useUsers } from '../data.ts';
import { seconds, tell } from '../embed.tsx';
import { useKeys } from '../keyboard.ts';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { customerName, useUserName } from '../names.ts';
import { go, type Route } from '../routes.ts';
import { moment } from '../time.ts';
import { giveBack, useWorkbin } from '../tasks/tasks.tsx';
import { Choice } from '../ui/choice.tsx';
import { Moments } from '../ui/moments.tsx';
import { Avatar, Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { assignee, assignees } from './assignees.tsx';

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
  const [chosen, setChosen] = useState<Id[]>();
  const open = openOf(interventions);
  const mine = !!open && open.user_id === me?.id;
  const set = (which: typeof opened) => (is: boolean) => setOpened(is ? which : undefined);

  /** As the page around the console is told of it, where there is one. */
  const told = () => {
    const { last_content: last, customer, source_id, id } = thread;
    const content = last?.id ?? null;
    return { id: content, authorId: last?.author_id ?? null, threadId: id, inReplyToAuthorId: customer?.id ?? null, inReplyToId: content, interventionId: open?.id ?? null, updatedAt: seconds(thread.updated_at), sourceId: source_id };
  };
  const take = () =>
    assign(thread, me?.id)
      .then((undo) => {
        tell('content:intervention_opened', told());
        say(t('taken_now'), { undo: () => void undo().catch(complain) });
      })
      .catch(complain);
  const leave = () => go({ thread: undefined });
  const endings = choosable(categories, thread.source_id).filter(({ root, id }) => root.post_qualification && (root.id !== id || !categories.some(({ parent_id }) => parent_id === id)));
  const isMissing = (said: Id[]) => endings.some(({ root }) => root.mandatory && !endings.some((one) => one.root.id === root.id && said.includes(one.id)));
  /** `said`: how it ended. What has to be said first is asked for. */
  const doResolve = (said: Id[] = open?.category_ids ?? []) => {
    if (!open) return;
    if (isMissing(said)) return setOpened('outcome');
    tell('content:intervention_closed', told());
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
    ...(!mine && { E: () => void take() }),
    A: () => setOpened('assign'),
    L: () => setOpened('categories'),
    ...(open && { D: () => setOpened('defer'), F: () => doResolve() }),
    I: doArchive,
  });

  const offered = choosable(categories, thread.source_id).filter(({ root }) => !root.post_qualification);
  const held = chosen ?? thread.thread_category_ids;
  const toggle = (id: Id) => {
    const next = toggled(offered, held, id);
    setChosen(next);
    categorise(thread, next)
      .catch(complain)
      .finally(() => setTimeout(() => setChosen(undefined), 500));
  };
  const names = offered.filter(({ id }) => thread.category_ids.includes(id));
  const more = [
    { id: thread.closed ? 'open' : 'close', label: t(thread.closed ? 'open_thread' : 'close_thread') },
    ...(task ? [{ id: 'transfer', label: t('hand_on') }, { id: 'give_back', label: t('give_back') }] : []),
    ...(thread.text_input_disabled === undefined ? [] : [thread.text_input_disabled ? { id: 'enable_text_input', label: t('let_type') } : { id: 'disable_text_input', label: t('stop_typing') }]),
    { id: thread.muted ? 'unmute' : 'mute', label: t(thread.muted ? 'unmute' : 'mute') },
    { id: 'archive', label: t('archive'), keys: 'I' },
    { id: 'delete', label: t('delete_thread') },
  ];
  return (
    <div className="actions" role="toolbar" aria-label={t('conversation')}>
      {!mine && (
        <Button onClick={() => void take()} title={`${t('take')} (E)`}>
          {t('take')}
        </Button>
      )}
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
        {open ? (
          <span className="assignee">
            <Avatar name={userName(open.user_id)} size="s" />
            <span className="wide-only">{open.user_id === me?.id ? t('you') : userName(open.user_id)}</span>
          </span>
        ) : (
          t('assign')
        )}
      </Choice>
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
      {open && (
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
      {open && (
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
        <Choice
          label={t('how_it_ended')}
          icon="down"
          bare
          open
          setOpen={set('outcome')}
          placeholder={t('how_it_ended')}
          options={endings.map(({ id, path }) => ({ id, label: path }))}
          pick={(id) => {
            const root = endings.find((one) => one.id === id)?.root;
            const others = open.category_ids.filter((one) => root?.multiple || endings.find((other) => other.id === one)?.root.id !== root?.id);
            const said = [...others.filter((one) => one !== id), id];
            dispose(open, said)
              .then(() => doResolve(said))
              .catch(complain);
          }}
        />
      )}
    </div>
  );
};

