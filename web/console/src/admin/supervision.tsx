// The queues: which tasks are where, with whom, and what was decided about each; and the agents, each with a page.

import { useQueries, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, put, Refusal } from '../api/client.ts';
import type { Id, Page } from '../api/types.ts';
import { client } from '../data.ts';
import { t } from '../language/index.ts';
import { usePermissions } from '../rights.tsx';
import { visit } from '../routes.ts';
import { Choice } from '../ui/choice.tsx';
import { matches } from '../ui/options.tsx';
import { Avatar, Empty, Failed } from '../ui/pieces.tsx';
import { complain, say, words } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { Link } from './list.tsx';
import { TaskTable } from './task-table.tsx';
import { queueName } from './trace.tsx';
import { type Word, w } from './words/index.ts';

const QUEUES = ['global', 'workbins', 'undelivered', 'history'] as const;
/** Tasks of a queue that are shown. */
const TASKS = 100;
/** Beside what events tell at once: times go on. */
const LOOK_MS = 5_000;

type Names = ReturnType<typeof useNames>;

interface Agent {
  agent_id: Id;
  channels: { id: Id; name: string; status: 'available' | 'away' | null; busyness: string }[];
  custom_status: { id: Id } | null;
}

const useTasks = (queue: string) =>
  useQuery({
    queryKey: ['admin', 'task', queue],
    refetchInterval: LOOK_MS,
    queryFn: ({ signal }) => get<Page<Made>>('/tasks', { queue, limit: TASKS, extended: true }, signal),
  });

/** How many tasks are in each queue. */
const useCounts = (queues: string[]): (number | undefined)[] =>
  useQueries({
    queries: queues.map((queue) => ({
      queryKey: ['admin', 'task', queue, 'count'],
      refetchInterval: LOOK_MS,
      queryFn: async ({ signal }: { signal: AbortSignal }) => (await get<Page<Made>>('/tasks', { queue, limit: 1 }, signal)).count,
    })),
  }).map(({ data }) => data);

/** The special queues of the topology that leads, for whoever may read it. */
const useSpecialQueues = (enabled: boolean): string[] =>
  useQuery({
    queryKey: ['admin', 'topology', 'queues'],
    queryFn: async ({ signal }) => {
      const { records } = await get<Page<Made>>('/topologies', { extended: true, limit: 150 }, signal);
      return (records.find(({ active }) => active)?.config?.queues ?? []).map(({ name }: { name: string }): string => name);
    },
    enabled,
  }).data ?? [];

/** Changes of the address; what is not named stays. */
const goer = (path: string, at: URLSearchParams) => (changes: Record<string, string | undefined>) => {
  const given = new URLSearchParams(at);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) given.delete(name);
    else given.set(name, value);
  }
  const text = given.toString();
  visit(path + (text && `?${text}`), true);
};

const Supervision = ({ search }: { search: string }) => {
  const given = new URLSearchParams(search);
  const may = usePermissions();
  const special = useSpecialQueues(!!may?.('manage_topologies'));
  const queues = [...QUEUES, ...special];
  const queue = queues.find((one) => one === given.get('queue')) ?? 'global';
  const names = useNames(['users', 'channels', 'teams']);
  const { data, error, refetch } = useTasks(queue);
  const go = goer('/admin/supervision', given);
  const counts = useCounts(queues);
  return (
    <>
      <p className="admin-lead">{w('supervision_lead')}</p>
      <Agents names={names} />
      <section className="admin-part whole">
        <h2>{w('tasks')}</h2>
        <div className="admin-tools">
          <label className="beside">
            <span>{w('queue')}</span>
            <select value={queue} onChange={(event) => go({ queue: event.target.value })}>
              {queues.map((one, at) => (
                <option key={one} value={one}>
                  {counts[at] === undefined ? queueName(one, names) : `${queueName(one, names)} (${counts[at]})`}
                </option>
              ))}
            </select>
          </label>
          <input type="search" aria-label={w('search_list')} placeholder={w('search_list')} value={given.get('q') ?? ''} onChange={(event) => go({ q: event.target.value || undefined })} />
          <span className="faint" role="status">
            {data && (data.count > data.records.length ? w('first_of', { count: data.records.length, all: data.count }) : w('records', { count: data.count }))}
          </span>
        </div>
        {error && !data && <Failed message={words(error)} again={() => void refetch()} />}
        {data && !data.records.length && <Empty title={w('queue_empty')} lead={w('queue_empty_lead')} />}
        {!!data?.records.length && <TaskTable tasks={data.records} names={names} every={LOOK_MS} queues={['undelivered', ...special].filter((one) => one !== queue)} at={given} go={go} />}
      </section>
    </>
  );
};

/** How an agent is on each channel that they are on. */
const Channels = ({ agent }: { agent: Agent }) =>
  agent.channels
    .filter(({ status }) => status)
    .map(({ id, name, status, busyness }) => (
      <span key={id} className={`state ${status === 'away' ? 'off' : busyness === 'full' || busyness === 'busy' ? 'soon' : 'good'}`}>
        {t('named', { name, value: w(status === 'away' ? 'agent_away' : (`agent_${busyness}` as Word)) })}
      </span>
    ));

const Agents = ({ names }: { names: Names }) => {
  const { data } = useQuery({ queryKey: ['admin', 'push_agent', 'list'], refetchInterval: LOOK_MS, queryFn: ({ signal }) => get<Page<Agent> | Agent[]>('/status', {}, signal) });
  const [sought, seek] = useState('');
  const reasons = useReasons();
  const agents = Array.isArray(data) ? data : (data?.records ?? []);
  const shown = agents.filter(({ agent_id }) => !sought.trim() || matches(sought.trim(), names.of('users', agent_id))).toSorted((one, other) => names.of('users', one.agent_id).localeCompare(names.of('users', other.agent_id)));
  return (
    <section className="admin-part first" aria-label={w('agents_there')}>
      <h2>{w('agents_there')}</h2>
      {agents.length > 8 && <input type="search" aria-label={w('search_list')} placeholder={w('search_list')} value={sought} onChange={(event) => seek(event.target.value)} />}
      {agents.length ? (
        <ul className="agents">
          {shown.map((agent) => (
            <li key={agent.agent_id}>
              <Avatar name={names.of('users', agent.agent_id)} size="s" />
              <Link to={`/admin/supervision/${agent.agent_id}`}>{names.of('users', agent.agent_id)}</Link>
              {agent.custom_status ? <span className="state off">{reasons.find(({ id }) => id === agent.custom_status?.id)?.name ?? w('agent_away')}</span> : <Channels agent={agent} />}
              <Presence agent={agent} name={names.of('users', agent.agent_id)} reasons={reasons} />
            </li>
          ))}
        </ul>
      ) : (
        data && <p>{w('agents_none')}</p>
      )}
    </section>
  );
};

const useReasons = (): { id: Id; name: string }[] =>
  useQuery({ queryKey: ['presence_status'], queryFn: async ({ signal }) => (await get<Page<{ id: Id; name: string }>>('/presence_status', { limit: 150 }, signal)).records }).data ?? [];

/** Somebody else is sent away or called back: who forgot to, or is needed. */
const Presence = ({ agent, name, reasons }: { agent: Agent; name: string; reasons: { id: Id; name: string }[] }) => {
  const [open, setOpen] = useState(false);
  const pick = (id: string) => {
    setOpen(false);
    const simple = id === 'available' || id === 'away';
    const body = simple ? { status: Object.fromEntries(agent.channels.filter(({ status }) => status).map((channel) => [channel.id, id])) } : { custom_status_id: id };
    void put(`/status/${agent.agent_id}`, body).then(() => {
      say(w('saved'));
      return client.invalidateQueries({ queryKey: ['admin', 'push_agent'] });
    }, complain);
  };
  const options = [
    { id: 'available', label: w('agent_available') },
    { id: 'away', label: w('agent_away') },
    ...reasons.map(({ id, name }) => ({ id, label: name, detail: w('agent_away') })),
  ];
  return (
    <Choice label={t('named', { name, value: w('agent_presence') })} searched={false} open={open} setOpen={setOpen} options={options} pick={pick}>
      {w('agent_presence')}
      <span className="unseen"> {name}</span>
    </Choice>
  );
};

/** One agent: whether they are there, what rings at them and what they have in their hands. */
export const AgentView = ({ id, search, path }: { id: Id; search: string; path: string }) => {
  const at = new URLSearchParams(search);
  const names = useNames(['users', 'channels', 'teams']);
  const reasons = useReasons();
  const user = useQuery({ queryKey: ['admin', 'user', id], queryFn: ({ signal }) => get<Made>(`/users/${id}`, {}, signal) });
  const status = useQuery({ queryKey: ['admin', 'push_agent', id], refetchInterval: LOOK_MS, queryFn: ({ signal }) => get<Agent>(`/status/${id}`, {}, signal).catch(gone) });
  const held = useTasks(`workbin_${id}`);
  const waiting = useTasks('global');
  if (user.error && !user.data) {
    const isGone = user.error instanceof Refusal && user.error.status < 500;
    return isGone ? <Empty title={w('not_there')} lead={w('not_there_lead')} /> : <Failed message={words(user.error)} again={() => void user.refetch()} />;
  }
  const rings = waiting.data?.records.filter(({ agent_ids }) => agent_ids?.includes(id)) ?? [];
  const tasks = [...rings, ...(held.data?.records ?? [])];
  const agent = status.data;
  return (
    <>
      <section className="admin-part first" aria-label={w('agent_presence')}>
        <div className="agents">
          {agent ? (
            <>
              {agent.custom_status ? <span className="state off">{reasons.find((one) => one.id === agent.custom_status?.id)?.name ?? w('agent_away')}</span> : <Channels agent={agent} />}
              <Presence agent={agent} name={names.of('users', agent.agent_id)} reasons={reasons} />
            </>
          ) : (
            status.isFetched && <span className="state off">{w('agent_not_there')}</span>
          )}
        </div>
      </section>
      <section className="admin-part whole" aria-label={w('tasks')}>
        <h2>{w('tasks')}</h2>
        {held.error && !held.data ? (
          <Failed message={words(held.error)} again={() => void held.refetch()} />
        ) : held.data && !tasks.length ? (
          <p>{w('agent_idle')}</p>
        ) : (
          tasks.length > 0 && <TaskTable tasks={tasks} names={names} every={LOOK_MS} queues={['undelivered']} at={at} go={goer(path, at)} />
        )}
      </section>
    </>
  );
};

/** Who is not connected has no status. */
const gone = (trouble: unknown): null => {
  if (trouble instanceof Refusal && trouble.status === 404) return null;
  throw trouble;
};

export default Supervision;
