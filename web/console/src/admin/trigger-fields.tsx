// What a trigger waits for, and what it does then.

import { CRITERIA, type Type } from '../../../widget/targeting/types.ts';
import { POSITIONS } from '../../../widget/targeting/positions.ts';
import { Icon } from '../ui/icon.tsx';
import { IconButton } from '../ui/pieces.tsx';
import { fieldOf } from './edits.ts';
import { type FieldProps, FormField } from './fields.tsx';
import { DAYS } from './kinds.ts';
import { type Word, w } from './words/index.ts';

interface Condition {
  criterion: string;
  position: string;
  operator: string;
  value: string | number | boolean | null;
}

const COMMON = ['is', 'is_present', 'is_not_present'];
const ORDERED = [...COMMON, 'greater_or_equal', 'lesser_or_equal'];
const TEXTS = [...COMMON, 'is_not', 'contains', 'does_not_contain', 'starts_with', 'ends_with'];
const OPERATORS: Record<Type, string[]> = { boolean: COMMON, number: ORDERED, day: ORDERED, time: ORDERED, string: TEXTS };
const FIRST: Record<Type, Condition['value']> = { boolean: true, number: 1, day: 'monday', time: '09:00', string: '' };

const isAlone = (operator: string): boolean => operator.endsWith('_present');

export const Conditions = ({ field, record, change, names, disabled }: FieldProps) => {
  const conditions = (fieldOf(record, field.name) as Condition[] | undefined) ?? [];
  const of = field.choices && 'of' in field.choices ? field.choices.of : '';
  const variables = names.records(of);
  const typeOf = (criterion: string): Type => (CRITERIA as Record<string, Type>)[criterion] ?? variables.find(({ name }) => name === criterion)?.type ?? 'string';
  const set = (at: number, more: Partial<Condition>) => change(field.name, conditions.map((one, index) => (index === at ? { ...one, ...more } : one)));
  const choose = (at: number, criterion: string) => {
    const type = typeOf(criterion);
    const same = type === typeOf(conditions[at]!.criterion);
    set(at, same ? { criterion } : { criterion, operator: 'is', value: FIRST[type] });
  };
  return (
    <fieldset className="field">
      <legend>{w('f_conditions')}</legend>
      <p className="faint">{w('f_conditions_hint')}</p>
      <ol className="conditions">
        {conditions.map((condition, at) => {
          const type = typeOf(condition.criterion);
          const shared = { disabled, 'aria-label': w('condition_value') };
          return (
            // biome-ignore lint: they have no other name than their place.
            <li key={at}>
              <select aria-label={w('condition_criterion')} disabled={disabled} value={condition.criterion} onChange={(event) => choose(at, event.target.value)}>
                {Object.keys(CRITERIA).map((name) => (
                  <option key={name} value={name}>
                    {w(`c_${name}` as Word)}
                  </option>
                ))}
                {variables.map(({ name, label }) => (
                  <option key={name} value={name}>
                    {label}
                  </option>
                ))}
              </select>
              <select aria-label={w('condition_position')} disabled={disabled} value={condition.position} onChange={(event) => set(at, { position: event.target.value })}>
                {POSITIONS.map((name) => (
                  <option key={name} value={name}>
                    {w(`p_${name}` as Word)}
                  </option>
                ))}
              </select>
              <select
                aria-label={w('condition_operator')}
                disabled={disabled}
                value={condition.operator}
                onChange={(event) => set(at, { operator: event.target.value, value: isAlone(event.target.value) ? null : (condition.value ?? FIRST[type]) })}
              >
                {OPERATORS[type].map((name) => (
                  <option key={name} value={name}>
                    {w(`o_${name}` as Word)}
                  </option>
                ))}
              </select>
              {!isAlone(condition.operator) &&
                (type === 'boolean' || type === 'day' ? (
                  <select {...shared} value={String(condition.value)} onChange={(event) => set(at, { value: type === 'day' ? event.target.value : event.target.value === 'true' })}>
                    {(type === 'day' ? DAYS : (['true', 'false'] as const)).map((one) => (
                      <option key={one} value={one}>
                        {w(one === 'true' ? 'yes' : one === 'false' ? 'no' : one)}
                      </option>
                    ))}
                  </select>
                ) : (
                  <input
                    {...shared}
                    type={type === 'number' ? 'number' : type === 'time' ? 'time' : 'text'}
                    step={type === 'time' ? 900 : 'any'}
                    value={String(condition.value ?? '')}
                    onChange={(event) => set(at, { value: type === 'number' && event.target.value ? Number(event.target.value) : event.target.value })}
                  />
                ))}
              <IconButton icon="cross" label={w('take_out', { name: `${w('condition')} ${at + 1}` })} disabled={disabled} onClick={() => change(field.name, conditions.toSpliced(at, 1))} />
            </li>
          );
        })}
      </ol>
      <button type="button" className="button" disabled={disabled} onClick={() => change(field.name, [...conditions, { criterion: 'page_path', position: 'current', operator: 'contains', value: '' }])}>
        <Icon name="plus" />
        <span>{w('condition_add')}</span>
      </button>
    </fieldset>
  );
};

/** All that is done is one value: part of it is changed here. */
export const Actions = ({ field, record, change, ...rest }: FieldProps) => {
  const actions = (fieldOf(record, field.name) as Record<string, unknown> | undefined) ?? {};
  const set = (name: string, value: unknown) => change(field.name, { ...actions, [name]: value });
  const inner = { ...rest, record: { id: record.id, ...actions }, change: set };
  return (
    <fieldset className="field inner">
      <legend>{w('f_actions')}</legend>
      <FormField {...inner} field={{ name: 'show', type: 'choice', choices: ['minimized', 'open'], said: 'show_' }} />
      {field.parts?.map((part) => <FormField key={part.name} {...inner} field={part} />)}
      <FormField {...inner} field={{ name: 'hide_items', type: 'flag' }} />
    </fieldset>
  );
};
