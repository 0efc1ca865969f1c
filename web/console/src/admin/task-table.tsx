// Tasks as those see them who watch over a queue or an agent: searched, sorted, explained, handed on.

import { useQueries } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { get, post } from '../api/client.ts';
import type { Id, Thread } from '../api/types.ts';
import { client } from '../data.ts';
import { t } from '../language/index.ts';
import { customerName } from '../names.ts';
import { usePermissions } from '../rights.tsx';
import { useUrgent } from '../screen.ts';
import { useNow } from '../time.ts';
import { Choice } from '../ui/choice.tsx';
import { matches } from '../ui/options.tsx';
import { Button, Empty } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { type useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { Link } from './list.tsx';
import { queueName, Trace } from './trace.tsx';
import { w } from './words/index.ts';

const Transfer = lazy(() => import('../tasks/transfer.tsx'));

type Names = ReturnType<typeof useNames>;

interface Line {
  task: Made;
  /** Whether its customer has waited for too long. */
  isUrgent: boolean;
  /** What stands in each column, and what it is sorted by. */
  cells: Record<Column, { text: string; by: string | number }>;
}

const COLUMNS = ['task_customer', 'channel', 'task_step', 'task_with', 'task_priority', 'task_since', 'task_due'] as const;
type Column = (typeof COLUMNS)[number];
const SLA: Record<string, string> = { ok: 'good', warning: 'soon', expired: 'late' };

const moment = (time: string | null | undefined): string => (time ? new Date(time).toLocaleString(document.documentElement.lang, { dateStyle: 'short', timeStyle: 'short' }) : '');

interface Props {
  tasks: Made[];
  names: Names;
  /** Milliseconds between two looks. */
  every: number;
  /** Queues that a task can be moved to. */
  queues: string[];
  at: URLSearchParams;
  go: (changes: Record<string, string | undefined>) => void;
}

export const TaskTable = ({ tasks, names, every, queues, at, go }: Props) => {
  const [open, setOpen] = useState<Id>();
  const threads = useQueries({
    queries: tasks.map(({ thread_id }) => ({ queryKey: ['thread', thread_id], queryFn: ({ signal }: { signal: AbortSignal }) => get<Thread>(`/content_threads/${thread_id}`, { extended: true }, signal) })),
  });
  const [isUrgent, now] = [useUrgent(), useNow()];
  const sought = at.get('q')?.trim() ?? '';
  const sort = COLUMNS.find((column) => column === at.get('sort'));
  const isDown = at.has('down');
  const lines = tasks
    .map((task, index): Line => {
      const thread = threads[index]?.data;
      const plain = (text: string) => ({ text, by: text });
      return {
        task,
        isUrgent: !task.completed_at && isUrgent(thread?.waiting_since, now),
        cells: {
          task_customer: plain(thread ? customerName(thread) : '…'),
          channel: plain(names.of('channels', task.channel_id)),
          task_step: plain(task.step ?? ''),
          task_with: plain((task.agent_ids ?? []).map((id: Id) => names.of('users', id)).join(', ')),
          task_priority: { text: String(task.priority), by: task.priority },
          task_since: { text: moment(task.created_at), by: task.created_at },
          task_due: { text: moment(task.sla_due_at), by: task.sla_due_at ?? '' },
        },
      };
    })
    .filter(({ cells }) => !sought || matches(sought, Object.values(cells).map(({ text }) => text).join(' ')));
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const ordered = sort
    ? lines.toSorted((one, other) => {
        const [a, b] = [one.cells[sort].by, other.cells[sort].by];
        const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
        return isDown ? -order : order;
      })
    : lines;
  if (!ordered.length) return <Empty title={w('nothing_matches')} lead={w('nothing_matches_lead')} />;
  return (
    <div className="table">
      <table>
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <th key={column} scope="col" aria-sort={column === sort ? (isDown ? 'descending' : 'ascending') : 'none'}>
                <button type="button" onClick={() => go({ sort: column, down: column === sort && !isDown ? '' : undefined })}>
                  {w(column)}
                  <span aria-hidden="true">{column === sort ? (isDown ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </th>
            ))}
            <th scope="col">
              <span className="unseen">{w('task_actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {ordered.map((line) => (
            <Row key={line.task.id} line={line} names={names} every={every} queues={queues} isOpen={open === line.task.id} toggle={() => setOpen(open === line.task.id ? undefined : line.task.id)} />
          ))}
        </tbody>
      </table>
    </div>
  );
};

const Row = ({ line: { task, isUrgent, cells }, names, every, queues, isOpen, toggle }: { line: Line; names: Names; every: number; queues: string[]; isOpen: boolean; toggle: () => void }) => (
  <>
    <tr className="still">
      {COLUMNS.map((column) => {
        const { text } = cells[column];
        return (
          <td key={column} data-label={w(column)} className={column === 'task_customer' ? 'wide' : undefined}>
            {column === 'task_customer' ? (
              <Link to={`/inbox/all/${task.thread_id}`}>{text}</Link>
            ) : column === 'task_with' && task.agent_ids?.length ? (
              task.agent_ids.map((id: Id, at: number) => (
                <span key={id}>
                  {at > 0 && ', '}
                  <Link to={`/admin/supervision/${id}`}>{names.of('users', id)}</Link>
                </span>
              ))
            ) : column === 'task_due' && SLA[task.sla_state] ? (
              <span className={`state ${SLA[task.sla_state]}`}>{text}</span>
            ) : column === 'task_since' && isUrgent ? (
              <span className="state late">{t('named', { name: text, value: t('urgent') })}</span>
            ) : (
              text
            )}
          </td>
        );
      })}
      <td className="task-actions">
        <Button aria-expanded={isOpen} onClick={toggle}>
          {w('task_why')}
        </Button>
        {!task.completed_at && <More task={task} queues={queues} names={names} />}
      </td>
    </tr>
    {isOpen && (
      <tr className="still told">
        <td colSpan={COLUMNS.length + 1}>
          <Trace id={task.id} names={names} every={every} />
        </td>
      </tr>
    )}
  </>
);

/** What somebody may do with a task that is not theirs. */
const More = ({ task, queues, names }: { task: Made; queues: string[]; names: Names }) => {
  const [open, setOpen] = useState(false);
  const [hands, setHands] = useState(false);
  const may = usePermissions();
  const again = () => void client.invalidateQueries({ queryKey: ['admin', 'task'] });
  const moves = may?.('monitor_tasks') ? queues.map((queue) => ({ id: queue, label: w('task_move', { queue: queueName(queue, names) }) })) : [];
  const pick = (id: string) => {
    setOpen(false);
    if (id === 'hand') return setHands(true);
    void post(`/tasks/${task.id}/move`, { queue: id }).then(() => (say(w('moved')), again()), complain);
  };
  return (
    <>
      <Choice icon="more" bare label={w('task_actions')} searched={false} open={open} setOpen={setOpen} options={[{ id: 'hand', label: w('task_hand_on') }, ...moves]} pick={pick} />
      {hands && (
        <Suspense>
          <Transfer
            task={task as never}
            close={() => {
              setHands(false);
              again();
            }}
          />
        </Suspense>
      )}
    </>
  );
};

