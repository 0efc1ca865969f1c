// How each kind of field is filled in.

import { type ChangeEvent, lazy, type ReactNode, Suspense, useId, useState } from 'react';

import { Choice as Picker } from '../ui/choice.tsx';
import { Icon } from '../ui/icon.tsx';
import { Button, IconButton } from '../ui/pieces.tsx';
import { useChoices, type useNames } from './data.ts';
import { fieldOf, isKept } from './edits.ts';
import { type Field, type Made, NAMELESS, sentHours, shownHours } from './kinds.ts';
import { secondsOf, shownSpan, spanOf, spansOf } from './spans.ts';
import { hint, type Word, w, without } from './words/index.ts';
import { explained, GROUPS, IDLE, NAMES } from './words/permissions.ts';

const Topology = lazy(() => import('./topology-fields.tsx'));
const Conditions = lazy(() => import('./trigger-fields.tsx').then(({ Conditions }) => ({ default: Conditions })));
const Mappings = lazy(() => import('./mappings-field.tsx'));
const AutomaticAnswers = lazy(() => import('./automatic-answers-field.tsx'));
const Texts = lazy(() => import('./texts-field.tsx'));
const Identities = lazy(() => import('./identities-field.tsx'));
const Actions = lazy(() => import('./trigger-fields.tsx').then(({ Actions }) => ({ default: Actions })));

const Files = lazy(() => import('./files-field.tsx'));

export interface FieldProps {
  field: Field;
  /** With what was changed in it. */
  record: Made;
  change: (name: string, value: unknown) => void;
  names: ReturnType<typeof useNames>;
  problem?: string | undefined;
  disabled?: boolean;
}

export const labelOf = ({ label, name }: Pick<Field, 'label' | 'name'>): Word => label ?? (`f_${name}` as Word);

/** A label above what is filled in, with a hint and what is wrong with it. */
export const Frame = ({ field, id, problem, children }: { field: Field; id: string; problem?: string | undefined; children: ReactNode }) => {
  const said = hint(labelOf(field));
  return (
    <div className="field">
      {field.type === 'many' || field.type === 'files' ? <span className="field-name">{w(labelOf(field))}</span> : <label htmlFor={id}>{w(labelOf(field))}</label>}
      {children}
      {(said || problem) && (
        <p className={problem ? 'problem' : 'faint'} id={`${id}-hint`} role={problem ? 'alert' : undefined}>
          {problem ?? said}
        </p>
      )}
    </div>
  );
};

export const FormField = (props: FieldProps) => {
  const { field, record, change, problem, disabled } = props;
  const id = useId();
  const value = fieldOf(record, field.name);
  const shared = { id, disabled, required: !!field.needed, 'aria-invalid': !!problem || undefined, 'aria-describedby': hint(labelOf(field)) || problem ? `${id}-hint` : undefined };
  switch (field.type) {
    case 'topology':
    case 'conditions':
    case 'actions':
    case 'mappings':
    case 'automatic_answers':
    case 'texts':
    case 'identities': {
      const Own = { topology: Topology, conditions: Conditions, actions: Actions, mappings: Mappings, automatic_answers: AutomaticAnswers, texts: Texts, identities: Identities }[field.type];
      return (
        <Suspense>
          <Own {...props} />
        </Suspense>
      );
    }
    case 'color':
      return <Colours {...props} />;
    case 'permissions':
      return <Permissions {...props} />;
    case 'capacities':
      return <Capacities {...props} />;
    case 'holidays':
      return <Holidays {...props} />;
    case 'flag':
      return (
        <div className="field flag">
          <input type="checkbox" {...shared} required={false} checked={!!value} onChange={(event) => change(field.name, event.target.checked)} />
          <label htmlFor={id}>{w(labelOf(field))}</label>
          {problem && (
            <p className="problem" role="alert" id={`${id}-hint`}>
              {problem}
            </p>
          )}
        </div>
      );
    case 'choice':
      return (
        <Frame field={field} id={id} problem={problem}>
          <Select {...props} shared={shared} />
        </Frame>
      );
    case 'many':
      return (
        <Frame field={field} id={id} problem={problem}>
          <Many {...props} />
        </Frame>
      );
    case 'files':
      return (
        <Frame field={field} id={id} problem={problem}>
          <Suspense>
            <Files {...props} />
          </Suspense>
        </Frame>
      );
    case 'lines':
      return (
        <Frame field={field} id={id} problem={problem}>
          <textarea {...shared} rows={4} value={((value as string[]) ?? []).join('\n')} onChange={(event) => change(field.name, event.target.value.split('\n'))} />
        </Frame>
      );
    case 'hours':
      return <Hours {...props} />;
    case 'span':
    case 'spans':
      return <Spans {...props} />;
    case 'secret':
      return (
        <Frame field={field} id={id} problem={problem}>
          <Secret {...props} shared={shared} />
        </Frame>
      );
    case 'long':
    case 'code':
      return (
        <Frame field={field} id={id} problem={problem}>
          <textarea {...shared} className={field.type === 'code' ? 'code-text' : undefined} spellCheck={field.type === 'long'} dir={field.type === 'code' ? 'ltr' : 'auto'} maxLength={field.max} rows={field.type === 'code' ? 9 : 5} value={String(value ?? '')} onChange={(event) => change(field.name, event.target.value)} />
        </Frame>
      );
    case 'number':
      return (
        <Frame field={field} id={id} problem={problem}>
          <input
            {...shared}
            type="number"
            min={field.min}
            max={field.max}
            step={field.step}
            value={value == null ? '' : String(value)}
            onChange={(event) => change(field.name, event.target.value === '' ? null : Number(event.target.value))}
          />
        </Frame>
      );
    default:
      return (
        <Frame field={field} id={id} problem={problem}>
          <input
            {...shared}
            type="text"
            autoComplete="off"
            spellCheck={false}
            dir="auto"
            maxLength={field.max}
            value={String(value ?? '')}
            onChange={(event) => change(field.name, event.target.value)}
          />
        </Frame>
      );
  }
};

const Select = ({ field, record, change, names, shared }: FieldProps & { shared: object }) => {
  const choices = useChoices(field, names).filter(({ id }) => id !== record.id);
  const value = String(fieldOf(record, field.name) ?? '');
  return (
    <select {...shared} value={value} onChange={(event) => change(field.name, event.target.value)}>
      {(!field.needed || !value) && <option value="">{field.needed ? w('choose') : w('none')}</option>}
      {value && !choices.some(({ id }) => id === value) && <option value={value}>{field.choices && 'of' in field.choices ? NAMELESS : value}</option>}
      {choices.map(({ id, label }) => (
        <option key={id} value={id}>
          {label}
        </option>
      ))}
    </select>
  );
};

const Many = ({ field, record, change, names, disabled }: FieldProps) => {
  const [open, setOpen] = useState(false);
  const choices = useChoices(field, names);
  const chosen = (fieldOf(record, field.name) as string[] | undefined) ?? [];
  const label = w(labelOf(field));
  const toggle = (id: string) => change(field.name, chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return (
    <div className="many">
      {chosen.map((id) => {
        const name = choices.find((choice) => choice.id === id)?.label ?? id;
        return (
          <span key={id} className="chip">
            <span>{name}</span>
            <button type="button" aria-label={w('take_out', { name })} disabled={disabled} onClick={() => toggle(id)}>
              <Icon name="cross" size={12} />
            </button>
          </span>
        );
      })}
      <Picker
        icon="plus"
        label={label}
        open={open}
        setOpen={setOpen}
        disabled={!!disabled}
        many
        options={choices.map((choice) => ({ ...choice, checked: chosen.includes(choice.id) }))}
        pick={toggle}
        placeholder={w('search_list')}
      >
        {w('choose')}
        <span className="unseen"> {label}</span>
      </Picker>
      {Array.isArray(field.choices) && chosen.length < choices.length && (
        <button type="button" className="button quiet" disabled={disabled} onClick={() => change(field.name, choices.map(({ id }) => id))}>
          {w('all_of_them')}
        </button>
      )}
    </div>
  );
};

/** One of the colours that categories are shown in. */
const Colours = ({ field, record, change, disabled }: FieldProps) => {
  const name = useId();
  const chosen = Number(fieldOf(record, field.name) ?? 0);
  const colours = Array.from({ length: (field.max ?? 0) + 1 }, (_, colour) => colour);
  return (
    <fieldset className="field">
      <legend>{w(labelOf(field))}</legend>
      <div className="colours">
        {colours.map((colour) => (
          <label key={colour} className="colour" data-colour={colour}>
            <input type="radio" name={name} disabled={disabled} checked={colour === chosen} onChange={() => change(field.name, colour)} />
            <span className="unseen">{w(`colour_${colour}` as Word)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
};

/**
 * What is written stays as it is while somebody writes, and is taken as soon as it means something. Until then it is said
 * what is wrong, and nothing is saved.
 */
export function useWritten(shown: string, fault: (text: string) => string, take: (text: string) => void) {
  const [written, write] = useState<string>();
  const wrong = written === undefined ? '' : fault(written);
  return {
    wrong,
    input: {
      value: written ?? shown,
      'aria-invalid': !!wrong || undefined,
      ref: (input: HTMLInputElement | null) => input?.setCustomValidity(wrong),
      onChange: (event: ChangeEvent<HTMLInputElement>) => {
        write(event.target.value);
        if (!fault(event.target.value)) take(event.target.value);
      },
      onBlur: () => !wrong && write(undefined),
    },
  };
}

const Hours = ({ field, record, change, problem, disabled }: FieldProps) => {
  const id = useId();
  const { wrong, input } = useWritten(
    shownHours(fieldOf(record, field.name)),
    (text) => (sentHours(text) === undefined ? w('hours_wrong') : ''),
    (text) => change(field.name, sentHours(text)),
  );
  return (
    <div className="field row">
      <label htmlFor={id}>{w(labelOf(field))}</label>
      <input id={id} disabled={disabled} aria-describedby={`${id}-hint`} placeholder={w('closed')} {...input} />
      <p id={`${id}-hint`} className={wrong || problem ? 'problem' : 'unseen'}>
        {wrong || (problem ?? w('f_hours_hint'))}
      </p>
    </div>
  );
};

/** A span of time, kept as a text such as `5m`, or several, kept as numbers of seconds. */
const Spans = ({ field, record, change, problem, disabled }: FieldProps) => {
  const id = useId();
  const value = fieldOf(record, field.name);
  const day = w('span_day');
  const { min = 0, max = Infinity } = field;
  const many = field.type === 'spans';
  const fault = (text: string): string => {
    if (many) return spansOf(text) ? '' : w('spans_wrong');
    const seconds = secondsOf(text);
    if (!text.trim()) return '';
    if (seconds === undefined) return w('span_wrong');
    return seconds < min || seconds > max ? w('span_out', { min: spanOf(min, day), max: spanOf(max, day) }) : '';
  };
  const take = (text: string) => {
    const seconds = secondsOf(text);
    change(field.name, many ? spansOf(text) : seconds === undefined ? undefined : spanOf(seconds));
  };
  const { wrong, input } = useWritten(many ? ((value as number[] | undefined) ?? []).map((span) => shownSpan(span, day)).join(', ') : shownSpan(value, day), fault, take);
  const trouble = wrong || problem;
  return (
    <Frame field={field} id={id} problem={trouble}>
      <input id={id} disabled={disabled} autoComplete="off" aria-describedby={hint(labelOf(field)) || trouble ? `${id}-hint` : undefined} {...input} aria-invalid={!!trouble || undefined} />
    </Frame>
  );
};

/** What is not shown again can be replaced, and removed: all of it once the form is saved. */
const Secret = ({ field, record, change, disabled, shared }: FieldProps & { shared: object }) => {
  const value = fieldOf(record, field.name) as string | undefined;
  const kept = isKept(record, field.name);
  const goes = kept && value === '';
  const input = {
    ...shared,
    disabled: !!disabled || goes,
    maxLength: field.max,
    spellCheck: false,
    value: value ?? '',
    onChange: ({ target }: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => change(field.name, target.value || (kept ? undefined : '')),
  };
  return (
    <>
      {field.long ? <textarea {...input} className="code-text" dir="ltr" rows={kept && !value ? 2 : 9} /> : <input {...input} type="password" autoComplete="new-password" dir="auto" />}
      {kept && (
        <div className="kept">
          <span className={`state ${goes ? 'late' : value ? 'soon' : 'good'}`} role="status">
            {w(goes ? 'secret_goes' : value ? 'secret_changes' : 'secret_kept')}
          </span>
          <Button look="quiet" className={goes ? '' : 'danger'} disabled={disabled} onClick={() => change(field.name, goes ? undefined : '')}>
            {w(goes ? 'secret_keep' : 'secret_remove')}
            <span className="unseen"> {w(labelOf(field))}</span>
          </Button>
          {goes && without(labelOf(field)) && <p className="problem">{without(labelOf(field))}</p>}
        </div>
      )}
    </>
  );
};

interface Holiday {
  name: string;
  date: string;
}

const Holidays = ({ field, record, change, disabled }: FieldProps) => {
  const days = (fieldOf(record, field.name) as Holiday[] | undefined) ?? [];
  const put = (at: number, day: Partial<Holiday>) => change(field.name, days.map((one, index) => (index === at ? { ...one, ...day } : one)));
  return (
    <fieldset className="field">
      <legend>{w('f_holidays')}</legend>
      <ul className="rows days">
        {days.map((day, at) => (
          // biome-ignore lint: they have no other name than their place.
          <li key={at}>
            <input type="date" aria-label={w('holiday_date')} disabled={disabled} required value={day.date} onChange={(event) => put(at, { date: event.target.value })} />
            <input aria-label={w('holiday_name')} disabled={disabled} required value={day.name} onChange={(event) => put(at, { name: event.target.value })} />
            <IconButton icon="cross" label={w('take_out', { name: day.name || day.date })} disabled={disabled} onClick={() => change(field.name, days.toSpliced(at, 1))} />
          </li>
        ))}
      </ul>
      <button type="button" className="button" disabled={disabled} onClick={() => change(field.name, [...days, { name: '', date: '' }])}>
        <Icon name="plus" />
        <span>{w('add')}</span>
      </button>
    </fieldset>
  );
};

interface Capacity {
  id?: string;
  channel_id?: string;
  default_capacity: number | null;
  max_capacity: number | null;
}

/** What is asked is named otherwise than what is answered. */
const Capacities = ({ field, record, change, names, disabled }: FieldProps) => {
  const given = (fieldOf(record, field.name) as Capacity[] | undefined) ?? [];
  const of = (channel: string) => given.find(({ id, channel_id }) => (channel_id ?? id) === channel);
  const set = (channel: string, more: Partial<Capacity>) => {
    const others = given.map((one) => ({ ...one, channel_id: one.channel_id ?? one.id })).filter(({ channel_id }) => channel_id !== channel);
    const next = { default_capacity: null, max_capacity: null, ...of(channel), ...more };
    const isSaid = next.default_capacity !== null || next.max_capacity !== null;
    const all = isSaid ? [...others, { ...next, channel_id: channel }] : others;
    change(
      field.name,
      all.map(({ channel_id, default_capacity, max_capacity }) => ({ channel_id, default_capacity, max_capacity })),
    );
  };
  return (
    <fieldset className="field">
      <legend>{w('f_capacities')}</legend>
      <ul className="rows limits">
        {names.all('channels').map(({ id, label }) => (
          <li key={id}>
            <span className="grow">{label}</span>
            {(['default_capacity', 'max_capacity'] as const).map((name, at) => (
              <label key={name} className="beside">
                <span>{w(at ? 'f_hard_capability' : 'f_soft_capability')}</span>
                <input type="number" min={0} max={1_000} disabled={disabled} value={of(id)?.[name] ?? ''} onChange={(event) => set(id, { [name]: event.target.value === '' ? null : Number(event.target.value) })} />
              </label>
            ))}
          </li>
        ))}
      </ul>
    </fieldset>
  );
};

const Permissions = ({ record, change, disabled }: FieldProps) => {
  const [written, write] = useState('');
  const held = NAMES.filter((name) => record[name]).length;
  const wanted = written.trim().toLowerCase();
  return (
    <div className="permissions">
      <div className="permissions-head">
        <h2>{w('f_permissions')}</h2>
        <span className="faint">{w('permissions_lead', { count: held, all: NAMES.length })}</span>
        <input type="search" aria-label={w('search_list')} placeholder={w('search_list')} value={written} onChange={(event) => write(event.target.value)} />
      </div>
      {GROUPS.map(({ group, permissions }) => {
        const shown = permissions.filter((said) => `${said[0]} ${explained(said)}`.toLowerCase().includes(wanted));
        if (!shown.length) return null;
        const all = permissions.every(([name]) => record[name]);
        return (
          <fieldset key={group}>
            <legend>{w(group)}</legend>
            <label className="permission whole">
              <input type="checkbox" disabled={disabled} checked={all} onChange={() => permissions.forEach(([name]) => change(name, !all))} />
              <span>{w('permissions_all')}</span>
            </label>
            {shown.map((said) => (
              <label key={said[0]} className="permission">
                <input type="checkbox" disabled={disabled} checked={!!record[said[0]]} onChange={(event) => change(said[0], event.target.checked)} />
                <span>
                  {explained(said)}
                  <small>
                    {said[0]}
                    {IDLE.has(said[0]) && ` · ${w('permission_idle')}`}
                  </small>
                </span>
              </label>
            ))}
          </fieldset>
        );
      })}
    </div>
  );
};

/** A value in words, for who compares two. */
export function wordsOf(value: unknown): string {
  if (value === null || value === undefined || value === '') return w('none');
  if (typeof value === 'boolean') return value ? w('yes') : w('no');
  if (Array.isArray(value)) return value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(', ') || w('none');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

