// The forms of a topology's steps, one below the other, of its queues, and of where tasks begin.

import { useId, useLayoutEffect, useRef, useState } from 'react';
import { Choice } from '../ui/choice.tsx';
import { Icon } from '../ui/icon.tsx';
import { IconButton } from '../ui/pieces.tsx';
import type { useNames } from './data.ts';
import { FormField, Frame, useWritten } from './fields.tsx';
import type { Field } from './kinds.ts';
import { added, concise, type Document, type Fault, free, moved, type Queue, renamed, type Step, type When, type Who, without, withQueues, withStep } from './topology-document.ts';
import { type Word, w } from './words/index.ts';

interface Props {
  document: Document;
  put: (document: Document) => void;
  faults: Fault[];
  names: ReturnType<typeof useNames>;
  disabled: boolean;
}

const NAME_MAX = 100;
const RING_SECONDS = { min: 5, max: 600 };
const FOR_SECONDS = { min: 1, max: 7 * 86_400 };

const field = (name: string, type: Field['type'], more: Partial<Field> = {}): Field => ({ name, label: `t_${name}` as Word, type, ...more });

/** Who may answer: all who are there, or those of whom all of this is so. */
const WHOM = field('whom', 'choice', { choices: ['everyone', 'some'], said: 't_whom_', needed: true });
const SOME = [field('last_agent', 'flag'), field('team_ids', 'many', { choices: { of: 'teams' } }), field('agent_ids', 'many', { choices: { of: 'users' } })];
const MATCHES = [field('category_match', 'flag'), field('language_match', 'flag')];
/** For which tasks the step is. */
const WHEN = [
  field('channel_ids', 'many', { choices: { of: 'channels' } }),
  field('source_ids', 'many', { choices: { of: 'sources' } }),
  field('category_ids', 'many', { choices: { of: 'categories' } }),
  field('languages', 'many', { choices: { list: 'locales' } }),
  field('priority_over', 'number'),
];
/** How a task is offered, and for how long. */
const HOW = [field('offer', 'choice', { choices: ['one', 'all'], said: 't_offer_', needed: true }), field('ring', 'span', RING_SECONDS), field('for', 'span', FOR_SECONDS)];

const isWho = (name: string): boolean => [...SOME, ...MATCHES].some((one) => one.name === name);
const isWhen = (name: string): boolean => WHEN.some((one) => one.name === name);

/** What a new step can begin as. */
const FRESH: Record<string, Who> = { everyone: { everyone: true }, last_agent: { last_agent: true }, team_ids: { team_ids: [] }, agent_ids: { agent_ids: [] }, category_match: { everyone: true, category_match: true }, language_match: { everyone: true, language_match: true } };

/** A step with one thing in it changed. */
function changed(step: Step, name: string, value: unknown): Step {
  if (name === 'whom') {
    const { everyone: _, last_agent, team_ids, agent_ids, ...matches } = step.agents ?? {};
    return { ...step, agents: value === 'everyone' ? { everyone: true, ...matches } : concise<Who>({ last_agent, team_ids, agent_ids, ...matches }) };
  }
  // Who may answer is said in any case, if only to be refused: nobody is not everybody.
  if (isWho(name)) return { ...step, agents: concise<Who>({ ...step.agents, [name]: value }) };
  if (isWhen(name)) return concise<Step>({ ...step, when: concise<When>({ ...step.when, [name]: value }) });
  return concise<Step>({ ...step, [name]: name === 'offer' && value === 'one' ? undefined : value });
}

/** Each keeps its own form wherever it is moved to. */
function useKeys(count: number) {
  const kept = useRef<number[]>([]);
  const next = useRef(0);
  while (kept.current.length < count) kept.current.push(next.current++);
  kept.current.length = count;
  return {
    of: (at: number): number => kept.current[at] ?? -1,
    swap: (at: number, by: number) => {
      const { current } = kept;
      [current[at], current[at + by]] = [current[at + by]!, current[at]!];
    },
    remove: (at: number) => void kept.current.splice(at, 1),
  };
}

export const Steps = ({ document, put, faults, names, disabled, label }: Props & { label: string }) => {
  const { steps } = document;
  const keys = useKeys(steps.length);
  const [open, setOpen] = useState(false);
  const list = useRef<HTMLFieldSetElement>(null);
  // Who goes on by the keyboard finds themselves where they were.
  const wanted = useRef('');
  useLayoutEffect(() => {
    const [sought, other] = wanted.current.split(' ');
    if (!sought) return;
    wanted.current = '';
    const button = (name: string | undefined) => list.current?.querySelector<HTMLElement>(`[data-act="${name}"]:not(:disabled)`);
    (button(sought) ?? button(other) ?? list.current?.querySelector<HTMLElement>(':scope > .button'))?.focus();
  });
  const move = (at: number, by: -1 | 1) => {
    const key = keys.of(at);
    keys.swap(at, by);
    wanted.current = by < 0 ? `up-${key} down-${key}` : `down-${key} up-${key}`;
    put(moved(document, at, by));
  };
  const remove = (at: number) => {
    keys.remove(at);
    wanted.current = `remove-${keys.of(at)} remove-${keys.of(at - 1)}`;
    put(without(document, at));
  };
  return (
    <fieldset className="field steps-field" ref={list}>
      <legend>{label}</legend>
      <p className="faint">{w('t_lead')}</p>
      <ol>
        {steps.map((step, at) => (
          <li key={keys.of(at)}>
            <StepForm at={at} act={keys.of(at)} document={document} put={put} faults={faults.filter((fault) => fault.list === 'steps' && fault.at === at)} names={names} disabled={disabled} step={step} move={move} remove={remove} />
          </li>
        ))}
      </ol>
      <Choice
        icon="plus"
        label={w('t_add')}
        searched={false}
        open={open}
        setOpen={setOpen}
        disabled={disabled}
        options={Object.keys(FRESH).map((kind) => ({ id: kind, label: w(`t_add_${kind}` as Word) }))}
        pick={(kind) => {
          setOpen(false);
          put(added(document, { name: free(document, w(`t_name_${kind}` as Word)), agents: FRESH[kind]! }));
        }}
      />
      {steps.length > 1 && <Way label="t_start" none={w('t_start_first')} value={document.start} steps={steps} disabled={disabled} faults={faults.filter((fault) => fault.list === 'start')} choose={(start) => put(concise<Document>({ ...document, start }))} />}
    </fieldset>
  );
};

interface StepProps extends Props {
  step: Step;
  at: number;
  /** By which its buttons are found again. */
  act: number;
  move: (at: number, by: -1 | 1) => void;
  remove: (at: number) => void;
}

const StepForm = ({ step, at, act, document, put, faults, names, disabled, move, remove }: StepProps) => {
  const { agents = {}, when = {} } = step;
  const whom = agents.everyone ? 'everyone' : 'some';
  // The names of one part are none of another's.
  const record = { id: '', ...step, ...agents, ...when, whom, offer: step.offer ?? 'one' };
  const problemOf = (name: string): string | undefined => faults.filter(({ part }) => (part === 'agents' ? 'whom' : part) === name).map(({ reason }) => reason).join(' ') || undefined;
  const change = (name: string, value: unknown) => put(withStep(document, at, changed(step, name, value)));
  const all = (fields: Field[]) => fields.map((one) => <FormField key={one.name} field={one} record={record} change={change} names={names} problem={problemOf(one.name)} disabled={disabled} />);
  const isFor = Object.keys(when).length > 0 || faults.some(({ part }) => part === 'when' || (part && isWhen(part)));
  return (
    <fieldset className="field inner step">
      <legend>{w('t_step', { number: at + 1, name: step.name })}</legend>
      <div className="step-acts">
        <IconButton icon="up" data-act={`up-${act}`} label={w('move_up', { name: step.name })} disabled={disabled || at === 0} onClick={() => move(at, -1)} />
        <IconButton icon="down" data-act={`down-${act}`} label={w('move_down', { name: step.name })} disabled={disabled || at === document.steps.length - 1} onClick={() => move(at, 1)} />
        <IconButton icon="cross" data-act={`remove-${act}`} label={w('take_out', { name: step.name })} disabled={disabled || document.steps.length === 1} onClick={() => remove(at)} />
      </div>
      {faults.filter(({ part }) => !part || part === 'when').map(({ reason }) => (
        <p key={reason} className="problem" role="alert">
          {reason}
        </p>
      ))}
      <Name name={step.name} others={document.steps.filter((one) => one !== step)} problem={problemOf('name')} disabled={disabled} change={(name) => put(renamed(document, at, name))} />
      {all([WHOM, ...(whom === 'some' ? SOME : []), ...MATCHES])}
      <details open={isFor || undefined}>
        <summary>
          {w('t_when')}
          <Icon name="down" />
        </summary>
        <div>{all(WHEN)}</div>
      </details>
      {all(HOW)}
      <Way label="t_next" none={w('topology_undelivered')} value={step.next} steps={document.steps.filter((one) => one !== step)} disabled={disabled} faults={faults.filter(({ part }) => part === 'next')} choose={(next) => change('next', next)} />
    </fieldset>
  );
};

/** What others are called is said while it is written; what led to it follows. */
const Name = ({ name, others, problem, disabled, change }: { name: string; others: { name: string }[]; problem?: string | undefined; disabled: boolean; change: (name: string) => void }) => {
  const id = useId();
  const { wrong, input } = useWritten(name, (text) => (!text.trim() ? w('t_name_needed') : others.some((one) => one.name === text) ? w('t_name_taken') : ''), change);
  const trouble = wrong || problem;
  return (
    <Frame field={field('name', 'text')} id={id} problem={trouble}>
      <input id={id} maxLength={NAME_MAX} autoComplete="off" dir="auto" disabled={disabled} aria-describedby={trouble ? `${id}-hint` : undefined} {...input} aria-invalid={!!trouble || undefined} />
    </Frame>
  );
};

/** Which step a way leads to. */
const Way = ({ label, none, value, steps, disabled, faults, choose }: { label: 't_next' | 't_start'; none: string; value: string | undefined; steps: Step[]; disabled: boolean; faults: Fault[]; choose: (name: string | undefined) => void }) => {
  const id = useId();
  const problem = faults.map(({ reason }) => reason).join(' ') || undefined;
  return (
    <Frame field={{ name: label, label, type: 'choice' }} id={id} problem={problem}>
      <select id={id} disabled={disabled} value={value ?? ''} aria-invalid={!!problem || undefined} aria-describedby={problem ? `${id}-hint` : undefined} onChange={(event) => choose(event.target.value || undefined)}>
        <option value="">{none}</option>
        {value && !steps.some(({ name }) => name === value) && <option value={value}>{value}</option>}
        {steps.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </Frame>
  );
};

/** Where people put tasks aside. */
export const Queues = ({ document, put, faults, disabled }: Props) => {
  const queues = document.queues ?? [];
  const keys = useKeys(queues.length);
  const set = (at: number, queue: Queue) => put(withQueues(document, queues.with(at, queue)));
  return (
    <fieldset className="field">
      <legend>{w('t_queues')}</legend>
      <p className="faint">{w('t_queues_lead')}</p>
      <ul className="queues">
        {queues.map((queue, at) => {
          const own = faults.filter((fault) => fault.list === 'queues' && fault.at === at);
          const of = (part: string) => own.filter((fault) => fault.part === part);
          return (
            <li key={keys.of(at)}>
              <fieldset className="field inner">
                <legend>{w('t_queue', { name: queue.name })}</legend>
                <Name name={queue.name} others={queues.filter((one) => one !== queue)} problem={of('name').map(({ reason }) => reason).join(' ') || undefined} disabled={disabled} change={(name) => set(at, { ...queue, name })} />
                <Way label="t_next" none={w('topology_undelivered')} value={queue.next} steps={document.steps} disabled={disabled} faults={of('next')} choose={(next) => set(at, concise<Queue>({ ...queue, next }))} />
                <div className="step-acts">
                  <IconButton
                    icon="cross"
                    label={w('take_out', { name: queue.name })}
                    disabled={disabled}
                    onClick={() => {
                      keys.remove(at);
                      put(withQueues(document, queues.toSpliced(at, 1)));
                    }}
                  />
                </div>
              </fieldset>
            </li>
          );
        })}
      </ul>
      <button type="button" className="button add" disabled={disabled} onClick={() => put(withQueues(document, [...queues, { name: free(document, w('t_queue_name')) }]))}>
        <Icon name="plus" />
        <span>{w('t_queue_add')}</span>
      </button>
    </fieldset>
  );
};
