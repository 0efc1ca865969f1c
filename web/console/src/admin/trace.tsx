// Why a task is where it is: what was decided about it, in words, with people by their names.

import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import { t } from '../language/index.ts';
import { words } from '../ui/toasts.tsx';
import type { useNames } from './data.ts';
import type { Made } from './kinds.ts';
import { isWord, type Word, w } from './words/index.ts';

type Names = ReturnType<typeof useNames>;

interface Considered {
  counts?: Record<string, number>;
  agents?: { agent_id: Id; reason: string }[];
}

export const Trace = ({ id, names, every }: { id: Id; names: Names; every: number }) => {
  const { data, error } = useQuery({ queryKey: ['admin', 'task', id, 'trace'], queryFn: ({ signal }) => get<Made>(`/tasks/${id}/trace`, {}, signal), refetchInterval: every });
  if (error) return <p className="problem">{words(error)}</p>;
  const entries: Made[] = data?.entries ?? [];
  return (
    <ol className="trace">
      {entries.map((entry, index) => (
        // biome-ignore lint: the place is what there is.
        <li key={index}>
          <time dateTime={entry.at}>{new Date(entry.at).toLocaleTimeString(document.documentElement.lang)}</time>
          <div>
            {happened(entry, names)}
            {entry.comment && <q dir="auto">{entry.comment}</q>}
            {entry.passed_over && <small>{passedOver(entry.passed_over, names)}</small>}
            {(entry.then as Made[] | undefined)?.map(({ step, counts }) => <small key={step}>{`${w('trace_nobody_could', { step })} ${passedOver({ counts }, names)}`}</small>)}
          </div>
        </li>
      ))}
      {data?.now && (
        <li>
          <strong>{w('trace_now')}</strong>
          <div>{passedOver(data.now, names) || w('trace_nothing')}</div>
        </li>
      )}
    </ol>
  );
};

/** What happened; in the server's own word what has none of ours. */
function happened({ what, step, queue, from, to, agent_id, agent_ids, user_id, team_ids }: Made, names: Names): string {
  const people = (ids: Id[]): string => ids.map((id) => names.of('users', id)).join(', ');
  const key = `trace_${what}`;
  const who = people([user_id ?? agent_id ?? agent_ids].flat().filter(Boolean));
  if (!isWord(key)) return [String(what).replaceAll('_', ' '), who].filter(Boolean).join(' · ');
  const said = w(key, { who, step: step ?? '', queue: queue ? queueName(queue, names) : '', from: from ?? '', to: to ?? '' });
  const whom = what === 'transferred' ? [people(agent_ids ?? []), ...(team_ids ?? []).map((id: Id) => names.of('teams', id))].filter(Boolean).join(', ') : '';
  return whom ? `${said} → ${whom}` : said;
}

/** Who could not have it, and why: those who are named, and how many more. */
function passedOver({ counts = {}, agents = [] }: Considered, names: Names): string {
  const reason = (why: string): string => (isWord(`why_${why}`) ? w(`why_${why}` as Word) : why.replaceAll('_', ' '));
  const named = agents.map(({ agent_id, reason: why }) => t('named', { name: names.of('users', agent_id), value: reason(why) }));
  const others = Object.entries(counts).flatMap(([why, count]) => {
    const more = count - agents.filter((agent) => agent.reason === why).length;
    return more > 0 ? [t('named', { name: `${agents.length ? '+' : ''}${more}`, value: reason(why) })] : [];
  });
  return [...named, ...others].join(' · ');
}

/** A queue by its name for people; those of a topology have their own. */
export function queueName(queue: string, names: Names): string {
  const owner = /^workbin_([0-9a-f]{24})$/.exec(queue)?.[1];
  if (owner) return w('queue_of', { name: names.of('users', owner) });
  return isWord(`queue_${queue}`) ? w(`queue_${queue}` as Word) : queue;
}
