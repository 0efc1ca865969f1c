// What is known and can be corrected, field by field: only what was changed is sent, and what somebody else changed meanwhile
// is shown before it is overwritten.

import { type FormEvent, useState } from 'react';
import type { CustomField } from '../api/types.ts';
import { t } from '../language/index.ts';
import { say, words } from '../ui/toasts.tsx';

/** Each field as it is written here: lists one a line. */
export type Written = Record<string, string>;

export const isList = (field: CustomField): boolean => !!field.multiple || field.type === 'multiple_choice';
export const shown = (value: unknown): string => (Array.isArray(value) ? value.join('\n') : value === null || value === undefined ? '' : String(value));
export const listed = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

const KEY = 'field:';
export const nameOf = ({ key }: CustomField): string => KEY + key;

export const writtenFields = (fields: CustomField[], values: Record<string, unknown> = {}): Written => Object.fromEntries(fields.map((field) => [nameOf(field), shown(values[field.key])]));

/** Those of the changed ones that are custom fields, as the server is told. */
export function fieldValues(changed: string[], now: Written, fields: CustomField[]): { custom_field_values?: Record<string, unknown> } {
  const told = fields.filter((field) => changed.includes(nameOf(field)));
  if (!told.length) return {};
  return { custom_field_values: Object.fromEntries(told.map((field) => [field.key, isList(field) ? listed(now[nameOf(field)] ?? '') : (now[nameOf(field)] ?? '')])) };
}

interface Given {
  known: Written;
  /** How it is now. */
  fresh: () => Promise<Written>;
  label: (name: string) => string;
  save: (changed: string[], now: Written) => Promise<unknown>;
  close: () => void;
}

export function useCorrections({ known, fresh, label, save, close }: Given) {
  const [base, setBase] = useState(known);
  const [now, setNow] = useState<Written>({});
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const changed = Object.keys(now).filter((name) => now[name] !== (base[name] ?? ''));
    if (!changed.length) return close();
    setBusy(true);
    try {
      const found = await fresh();
      const taken = changed.filter((name) => (found[name] ?? '') !== (base[name] ?? '') && found[name] !== now[name]);
      setBase(found);
      if (taken.length) {
        setProblem(taken.map((name) => t('changed_meanwhile', { field: label(name), value: found[name] || '–' })).join(' '));
        setBusy(false);
        return;
      }
      await save(changed, now);
      say(t('saved'));
      close();
    } catch (trouble) {
      setProblem(words(trouble));
      setBusy(false);
    }
  };
  return {
    value: (name: string): string => now[name] ?? base[name] ?? known[name] ?? '',
    set: (name: string, text: string) => setNow((all) => ({ ...all, [name]: text })),
    problem,
    busy,
    submit: (event: FormEvent) => void submit(event),
  };
}

export const Custom = ({ field, value, set }: { field: CustomField; value: string; set: (value: string) => void }) => {
  const choices = field.choices ?? [];
  if (field.type === 'boolean') {
    return (
      <select value={value} onChange={(event) => set(event.target.value)}>
        <option value="">–</option>
        <option value="true">{t('yes')}</option>
        <option value="false">{t('no')}</option>
      </select>
    );
  }
  if (choices.length && !isList(field)) {
    return (
      <select value={value} onChange={(event) => set(event.target.value)}>
        <option value="">–</option>
        {choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  }
  if (choices.length) {
    const chosen = listed(value);
    return (
      <select multiple value={chosen} onChange={(event) => set([...event.target.selectedOptions].map((option) => option.value).join('\n'))}>
        {choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  }
  if (isList(field) || field.type === 'text') return <textarea rows={2} value={value} onChange={(event) => set(event.target.value)} />;
  return <input value={value} inputMode={field.type === 'integer' || field.type === 'float' ? 'decimal' : 'text'} onChange={(event) => set(event.target.value)} />;
};
