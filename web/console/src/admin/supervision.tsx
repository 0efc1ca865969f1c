// The queues: which tasks are where, with whom, and what was decided about each.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client.ts';
import type { Id, Page } from '../api/types.ts';
import { visit } from '../routes.ts';
import { Button, Empty, Failed } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { Link } from './list.tsx';
import { Table } from './table.tsx';
import { type Word, w } from './words/index.ts';

const QUEUES = ['global', 'workbins', 'undelivered', 'history'] as const;
const TASKS = 100;
/** Beside what events tell at once: times go on. */
const LOOK_MS = 5_000;

const moment = (time: string | null | undefined): string => (time ? new Date(time).toLocaleString(document.documentElement.lang) : '');

const Supervision = ({ search }: { search: string }) => {
  const at = new URLSearchParams(search);
  const queue = QUEUES.find((one) => one === at.get('queue')) ?? 'global';
  const [open, setOpen] = useState<Id>();
  const names = useNames(['users', 'channels']);
  const { data, error, refetch } = useQuery({
    queryKey: ['admin', 'task', queue],
    refetchInterval: LOOK_MS,
    queryFn: ({ signal }) => get<Page<Made>>('/tasks', { queue, limit: TASKS }, signal),
  });
  return (
    <>
      <p className="admin-lead">{w('supervision_lead')}</p>
      <div className="admin-tools filters">
        <label className="beside">
          <span>{w('queue')}</span>
          <select value={queue} onChange={(event) => visit(`/admin/supervision?queue=${event.target.value}`, true)}>
            {QUEUES.map((one) => (
              <option key={one} value={one}>
                {w(`queue_${one}` as Word)}
              </option>
            ))}
          </select>
        </label>
        <span className="faint" role="status">
          {data && w('records', { count: data.count })}
        </span>
      </div>
      {error && !data && <Failed message={words(error)} again={() => void refetch()} />}
      {data && !data.records.length && <Empty title={w('queue_empty')} lead={w('queue_empty_lead')} />}
      {!!data?.records.length && (
        <Table heads={['task_since', 'channel', 'task_step', 'task_with', 'task_priority', 'task_why']}>
          {data.records.map((task) => (
            <Task key={task.id} task={task} names={names} isOpen={open === task.id} toggle={() => setOpen(open === task.id ? undefined : task.id)} />
          ))}
        </Table>
      )}
      <Agents names={names} />
    </>
  );
};

const Task = ({ task, names, isOpen, toggle }: { task: Made; names: ReturnType<typeof useNames>; isOpen: boolean; toggle: () => void }) => (
  <>
    <tr className="still">
      <td data-label={w('task_since')} className="wide">
        <Link to={`/inbox/all/${task.thread_id}`} aria-label={`${w('task_open')}, ${moment(task.created_at)}`}>
          {moment(task.created_at)}
        </Link>
      </td>
      <td data-label={w('channel')}>{names.of('channels', task.channel_id)}</td>
      <td data-label={w('task_step')}>{task.step ?? ''}</td>
      <td data-label={w('task_with')}>{(task.agent_ids ?? []).map((id: Id) => names.of('users', id)).join(', ')}</td>
      <td data-label={w('task_priority')}>{task.priority}</td>
      <td>
        <Button aria-expanded={isOpen} onClick={toggle}>
          {w('task_why')}
        </Button>
      </td>
    </tr>
    {isOpen && (
      <tr className="still">
        <td colSpan={6}>
          <Trace id={task.id} names={names} />
        </td>
      </tr>
    )}
  </>
);

/** What was decided comes in the server's words, with people by their names. */
const Trace = ({ id, names }: { id: Id; names: ReturnType<typeof useNames> }) => {
  const { data, error } = useQuery({ queryKey: ['admin', 'task', id, 'trace'], queryFn: ({ signal }) => get<Made>(`/tasks/${id}/trace`, {}, signal), refetchInterval: LOOK_MS });
  if (error) return <p className="problem">{words(error)}</p>;
  const entries: Made[] = data?.entries ?? [];
  return (
    <ol className="trace">
      {entries.map(({ at, ...what }, index) => (
        // biome-ignore lint: the place is what there is.
        <li key={index}>
          <time dateTime={at}>{new Date(at).toLocaleTimeString(document.documentElement.lang)}</time>
          {told(what, names)}
        </li>
      ))}
      {data?.now && (
        <li>
          <strong>{w('trace_now')}</strong> {told(data.now, names)}
        </li>
      )}
    </ol>
  );
};

const isId = (value: unknown): value is Id => typeof value === 'string' && /^[0-9a-f]{24}$/.test(value);

function told(what: unknown, names: ReturnType<typeof useNames>): string {
  if (isId(what)) {
    const name = names.all('users').concat(names.all('channels')).find((choice) => choice.id === what)?.label;
    return name ?? what.slice(-6);
  }
  if (Array.isArray(what)) return what.map((one) => told(one, names)).join(', ');
  if (what && typeof what === 'object') {
    return Object.entries(what)
      .filter(([, value]) => value !== null && (!Array.isArray(value) || value.length))
      .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${told(value, names)}`)
      .join(' · ');
  }
  return String(what);
}

const Agents = ({ names }: { names: ReturnType<typeof useNames> }) => {
  const { data } = useQuery({ queryKey: ['admin', 'push_agent', 'list'], refetchInterval: LOOK_MS, queryFn: ({ signal }) => get<Page<Made> | Made[]>('/status', {}, signal) });
  const agents = Array.isArray(data) ? data : (data?.records ?? []);
  return (
    <section className="admin-part">
      <h2>{w('agents_there')}</h2>
      {agents.length ? (
        <ul className="rows">
          {agents.map((agent) => (
            <li key={agent.id}>
              <strong>{names.of('users', agent.id)}</strong>
              {(agent.channels ?? []).map((channel: Made) => (
                <span key={channel.id} className={`state ${channel.status === 'available' ? (channel.busyness === 'full' || channel.busyness === 'busy' ? 'soon' : 'good') : 'off'}`}>
                  {[channel.name, channel.busyness].filter(Boolean).join(': ')}
                </span>
              ))}
            </li>
          ))}
        </ul>
      ) : (
        <p>{w('agents_none')}</p>
      )}
    </section>
  );
};

export default Supervision;
