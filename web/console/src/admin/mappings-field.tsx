// Which values that a customer comes with fill which fields of their card.

import { Icon } from '../ui/icon.tsx';
import { IconButton } from '../ui/pieces.tsx';
import { fieldOf } from './edits.ts';
import type { FieldProps } from './fields.tsx';
import { type Word, w } from './words/index.ts';

interface Mapping {
  key: string;
  field?: string;
  custom_field_key?: string;
}

const FIELDS = ['firstname', 'lastname', 'company', 'gender', 'notes', 'emails', 'home_phones', 'mobile_phones'] as const;
/** In the value of an option, before the key of a custom field: no field has a colon in its name. */
const CUSTOM = 'custom:';

const MappingsField = ({ field, record, change, names, problem, disabled }: FieldProps) => {
  const mappings = (fieldOf(record, field.name) as Mapping[] | undefined) ?? [];
  const custom = field.choices && 'of' in field.choices ? names.records(field.choices.of).filter(field.choices.where ?? (() => true)) : [];
  const set = (at: number, mapping: Mapping) => change(field.name, mappings.with(at, mapping));
  const lead = (at: number, to: string) => {
    const { key } = mappings[at]!;
    set(at, to.startsWith(CUSTOM) ? { key, custom_field_key: to.slice(CUSTOM.length) } : { key, field: to });
  };
  return (
    <fieldset className="field">
      <legend>{w('f_extra_value_mappings')}</legend>
      <p className="faint">{w('f_extra_value_mappings_lead')}</p>
      <ul className="rows">
        {mappings.map((mapping, at) => {
          const to = mapping.field ?? CUSTOM + mapping.custom_field_key;
          return (
            // biome-ignore lint: they have no other name than their place.
            <li key={at}>
              <input aria-label={w('mapping_key')} placeholder={w('mapping_key')} disabled={disabled} required maxLength={255} value={mapping.key} onChange={(event) => set(at, { ...mapping, key: event.target.value })} />
              <select aria-label={w('mapping_to')} disabled={disabled} value={to} onChange={(event) => lead(at, event.target.value)}>
                {FIELDS.map((name) => (
                  <option key={name} value={name}>
                    {w(`mapping_${name}` as Word)}
                  </option>
                ))}
                {custom.map(({ id, key, label }) => (
                  <option key={id} value={CUSTOM + key}>
                    {label}
                  </option>
                ))}
                {mapping.custom_field_key && !custom.some(({ key }) => key === mapping.custom_field_key) && <option value={to}>{mapping.custom_field_key}</option>}
              </select>
              <IconButton icon="cross" label={w('take_out', { name: mapping.key || String(at + 1) })} disabled={disabled} onClick={() => change(field.name, mappings.toSpliced(at, 1))} />
            </li>
          );
        })}
      </ul>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="button" className="button add" disabled={disabled} onClick={() => change(field.name, [...mappings, { key: '', field: 'firstname' }])}>
        <Icon name="plus" />
        <span>{w('mapping_add')}</span>
      </button>
    </fieldset>
  );
};

export default MappingsField;
