// What colleagues know of a customer, to be corrected. Only what was changed is sent, and what somebody else changed
// meanwhile is shown before it is overwritten.

import { type FormEvent, useState } from 'react';
import { get, put, Refusal } from '../api/client.ts';
import type { CustomField, Id, Identity, IdentityGroup } from '../api/types.ts';
import { client, useCustomFields } from '../data.ts';
import { type Key, t } from '../language/index.ts';
import { Field, Modal } from '../ui/modal.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain, say, words } from '../ui/toasts.tsx';

/** The plain fields, as the server names them, and how they are written here: lists one a line. */
const FIELDS: { name: keyof IdentityGroup & string; label: Key; list?: boolean; long?: boolean }[] = [
  { name: 'firstname', label: 'firstname' },
  { name: 'lastname', label: 'lastname' },
  { name: 'company', label: 'company' },
  { name: 'emails', label: 'emails', list: true },
  { name: 'mobile_phones', label: 'mobile_phones', list: true },
  { name: 'home_phones', label: 'home_phones', list: true },
  { name: 'notes', label: 'notes', long: true },
];

type Written = Record<string, string>;

const isList = (field: CustomField): boolean => !!field.multiple || field.type === 'multiple_choice';
const shown = (value: unknown): string => (Array.isArray(value) ? value.join('\n') : value === null || value === undefined ? '' : String(value));
const listed = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

function written(group: Partial<IdentityGroup>, fields: CustomField[]): Written {
  const all: Written = {};
  for (const { name } of FIELDS) all[name] = shown(group[name]);
  for (const { key } of fields) all[`field:${key}`] = shown(group.custom_field_values?.[key]);
  return all;
}

/** What of it the server is told. */
function body(changed: string[], now: Written, fields: CustomField[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  const values: Record<string, unknown> = {};
  for (const name of changed) {
    const text = now[name] ?? '';
    const field = fields.find(({ key }) => name === `field:${key}`);
    if (field) values[field.key] = isList(field) ? listed(text) : text;
    else given[name] = FIELDS.find((one) => one.name === name)?.list ? listed(text) : text.trim();
  }
  if (Object.keys(values).length) given.custom_field_values = values;
  return given;
}

/** What is known of an identity that is in no group yet. */
const asGroup = (identity: Identity): Partial<IdentityGroup> => ({
  company: identity.company,
  emails: identity.email ? [identity.email] : [],
  mobile_phones: identity.mobile_phone ? [identity.mobile_phone] : [],
  home_phones: identity.home_phone ? [identity.home_phone] : [],
});

const Edit = ({ identity, group, close }: { identity: Identity; group: IdentityGroup | undefined; close: () => void }) => {
  const fields = useCustomFields().filter(({ associated_type_name, read_only }) => associated_type_name === 'IdentityGroup' && !read_only);
  const [base, setBase] = useState(() => written(group ?? asGroup(identity), fields));
  const [now, setNow] = useState<Written>({});
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const value = (name: string): string => now[name] ?? base[name] ?? shown(group?.custom_field_values?.[name.slice('field:'.length)]);
  const set = (name: string, text: string) => setNow((all) => ({ ...all, [name]: text }));
  const label = (name: string): string => {
    const known = FIELDS.find((one) => one.name === name);
    return known ? t(known.label) : (fields.find(({ key }) => name === `field:${key}`)?.label ?? name);
  };

  const save = async (event: FormEvent) => {
    event.preventDefault();
    const changed = Object.keys(now).filter((name) => now[name] !== (base[name] ?? ''));
    if (!changed.length) return close();
    setBusy(true);
    try {
      if (group) {
        const fresh = written(await get<IdentityGroup>(`/identity_groups/${group.id}`), fields);
        const taken = changed.filter((name) => (fresh[name] ?? '') !== (base[name] ?? '') && fresh[name] !== now[name]);
        setBase(fresh);
        if (taken.length) {
          setProblem(taken.map((name) => t('changed_meanwhile', { field: label(name), value: fresh[name] || '–' })).join(' '));
          setBusy(false);
          return;
        }
      }
      const id: Id = group?.id ?? identity.id;
      const made = await put<IdentityGroup>(group ? `/identity_groups/${id}` : `/identities/${id}/identity_group`, body(changed, now, fields));
      client.setQueryData(['group', made.id], made);
      await client.invalidateQueries({ queryKey: ['identity', identity.id] });
      say(t('saved'));
      close();
    } catch (trouble) {
      setProblem(trouble instanceof Refusal && trouble.errors.length ? trouble.errors.map(({ message }) => message).join(' ') : words(trouble));
      setBusy(false);
    }
  };
  return (
    <Modal title={t('edit_customer')} close={close}>
      <form className="modal-body" onSubmit={(event) => void save(event).catch(complain)}>
        <div className="fields">
          {FIELDS.filter(({ long }) => !long).map(({ name, label, list }) => (
            <Field key={name} label={t(label)}>
              {list ? <textarea rows={Math.max(1, value(name).split('\n').length)} value={value(name)} onChange={(event) => set(name, event.target.value)} /> : <input value={value(name)} onChange={(event) => set(name, event.target.value)} />}
            </Field>
          ))}
          {fields.map((field) => (
            <Field key={field.key} label={field.label}>
              <Custom field={field} value={value(`field:${field.key}`)} set={(text) => set(`field:${field.key}`, text)} />
            </Field>
          ))}
        </div>
        <Field label={t('notes')}>
          <textarea rows={4} value={value('notes')} onChange={(event) => set('notes', event.target.value)} />
        </Field>
        <p className="problem" role="alert">
          {problem}
        </p>
        <footer>
          <Button onClick={close}>{t('cancel')}</Button>
          <Button type="submit" look="main" disabled={busy}>
            {t('save')}
          </Button>
        </footer>
      </form>
    </Modal>
  );
};

const Custom = ({ field, value, set }: { field: CustomField; value: string; set: (value: string) => void }) => {
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

export default Edit;
