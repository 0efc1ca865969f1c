// The picture of what a topology says, drawn while it is written.

import type { FieldProps } from './fields.tsx';
import { shownSpan } from './spans.ts';
import type { Document, Step } from './topology-document.ts';
import { w } from './words/index.ts';

const LINE = 76;
const WIDTH = 520;
const BOX = 300;

/** Steps below each other, in their order; how a task goes on is drawn beside them. */
export const Picture = ({ document: { steps, start, queues = [] }, names }: { document: Document; names: FieldProps['names'] }) => {
  const boxes = [...steps.map((step) => ({ ...step, isQueue: false })), ...queues.map((queue) => ({ ...queue, isQueue: true }) as Step & { isQueue: boolean }), { name: '', isQueue: true } as Step & { isQueue: boolean }];
  const at = (name: string | undefined) => (name === undefined ? boxes.length - 1 : boxes.findIndex((box) => box.name === name));
  const begins = start ?? steps[0]?.name;
  const named = (kind: string, ids: string[] = []) => ids.map((one) => names.of(kind, one)).join(', ');
  const whom = ({ agents = {} }: Step): string =>
    [
      agents.everyone && w('topology_everyone'),
      agents.last_agent && w('topology_last_agent'),
      named('teams', agents.team_ids),
      named('users', agents.agent_ids),
      agents.category_match && w('topology_category_match'),
      agents.language_match && w('topology_language_match'),
    ]
      .filter(Boolean)
      .join(' · ');
  const forWhat = ({ when = {} }: Step): string =>
    [named('channels', when.channel_ids), named('sources', when.source_ids), named('categories', when.category_ids), when.languages?.join(', '), when.priority_over !== undefined && `> ${when.priority_over}`].filter(Boolean).join(' · ');
  const ways = boxes.map((box) => (!box.name || (!box.isQueue && box.for === undefined && !box.when) ? -1 : at(box.next)));
  // Those that go round have a lane each, the short ways inside.
  const round = ways.flatMap((to, from) => (to >= 0 && to !== from && to !== from + 1 ? [{ from, length: Math.abs(to - from) }] : [])).toSorted((one, other) => one.length - other.length);
  const lane = (from: number): number => BOX + 40 + round.findIndex((way) => way.from === from) * Math.min(26, (WIDTH - BOX - 60) / round.length);
  const said = boxes.map((box) => (box.name ? `${box.name}${box.isQueue ? '' : `: ${whom(box)}`}${box.for !== undefined ? `, ${shownSpan(box.for, w('span_day'))}` : ''} → ${box.next ?? w('topology_undelivered')}` : '')).filter(Boolean).join('. ');
  return (
    <svg className="topology-picture" preserveAspectRatio="xMinYMin" viewBox={`0 0 ${WIDTH} ${boxes.length * LINE + 8}`} role="img" aria-label={`${w('topology_picture')} ${said}`}>
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
          <path d="M0 0 8 4 0 8z" />
        </marker>
      </defs>
      {boxes.map((box, index) => {
        const isEnd = !box.name;
        const to = ways[index]!;
        const y = index * LINE + 6;
        return (
          <g key={box.name || 'undelivered'}>
            <rect x={8} y={y} width={BOX} height={56} rx={10} className={isEnd || box.isQueue ? 'queue' : 'step'} />
            <text x={22} y={y + 22} className="name">
              {isEnd ? w('topology_undelivered') : cut(box.name, 30)}
              {box.name && box.name === begins ? ' ●' : ''}
            </text>
            <text x={22} y={y + 42} className="detail">
              {cut(isEnd ? '' : box.isQueue ? w('topology_queue') : [whom(box), forWhat(box) && `(${forWhat(box)})`].filter(Boolean).join(' '), 46)}
            </text>
            {to >= 0 && to !== index && <Arrow from={index} to={to} out={lane(index)} label={shownSpan(box.for, w('span_day'))} />}
          </g>
        );
      })}
    </svg>
  );
};

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** The next one is straight below; others go round at the side. */
const Arrow = ({ from, to, out, label }: { from: number; to: number; out: number; label: string }) => {
  const [y1, y2] = [from * LINE + 34, to * LINE + 34];
  if (to === from + 1) {
    return (
      <>
        <path className="way" d={`M${BOX / 2} ${y1 + 28}V${y2 - 29}`} markerEnd="url(#arrow)" />
        <text className="detail" x={BOX / 2 + 8} y={y1 + 42}>
          {label}
        </text>
      </>
    );
  }
  return (
    <>
      <path className="way" d={`M${BOX + 8} ${y1}H${out - 10}Q${out} ${y1} ${out} ${y1 + Math.sign(y2 - y1) * 10}V${y2 - Math.sign(y2 - y1) * 10}Q${out} ${y2} ${out - 10} ${y2}H${BOX + 10}`} markerEnd="url(#arrow)" />
      <text className="detail" x={BOX + 14} y={y1 - 5}>
        {label}
      </text>
    </>
  );
};
