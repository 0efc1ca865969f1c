// What colleagues know of a customer, to be corrected.

import { put } from '../api/client.ts';
import type { CustomField, Id, Identity, IdentityGroup } from '../api/types.ts';
import { client, useCustomFields } from '../data.ts';
import { type Key, t } from '../language/index.ts';
import { Field, Modal } from '../ui/modal.tsx';
import { Button } from '../ui/pieces.tsx';
import { known } from './acts.ts';
import { Custom, fieldValues, listed, nameOf, shown, useCorrections, type Written, writtenFields } from './corrections.tsx';

const GENDERS = ['man', 'woman'] as const;

/** The plain fields, as the server names them, and how they are written here. */
const FIELDS: { name: keyof IdentityGroup & string; label: Key; list?: boolean; long?: boolean }[] = [
  { name: 'firstname', label: 'firstname' },
  { name: 'lastname', label: 'lastname' },
  { name: 'company', label: 'company' },
  { name: 'gender', label: 'gender' },
  { name: 'emails', label: 'emails', list: true },
  { name: 'mobile_phones', label: 'mobile_phones', list: true },
  { name: 'home_phones', label: 'home_phones', list: true },
  { name: 'notes', label: 'notes', long: true },
];

const written = (group: Partial<IdentityGroup>, fields: CustomField[]): Written => ({
  ...Object.fromEntries(FIELDS.map(({ name }) => [name, shown(group[name])])),
  ...writtenFields(fields, group.custom_field_values),
});

/** What of it the server is told. */
function body(changed: string[], now: Written, fields: CustomField[]): Record<string, unknown> {
  const plain = FIELDS.filter(({ name }) => changed.includes(name)).map(({ name, list }) => [name, list ? listed(now[name] ?? '') : (now[name] ?? '').trim()]);
  return { ...Object.fromEntries(plain), ...fieldValues(changed, now, fields) };
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
  const { value, set, problem, busy, submit } = useCorrections({
    known: written(group ?? asGroup(identity), fields),
    // A colleague may have made a person of the identity meanwhile.
    fresh: async () => written((await known(identity.id)) ?? asGroup(identity), fields),
    label: (name) => {
      const known = FIELDS.find((one) => one.name === name);
      return known ? t(known.label) : (fields.find((field) => name === nameOf(field))?.label ?? name);
    },
    save: async (changed, now) => {
      const id: Id = group?.id ?? identity.id;
      const made = await put<IdentityGroup>(`${group ? `/identity_groups/${id}` : `/identities/${id}/identity_group`}?extended=true`, body(changed, now, fields));
      client.setQueryData(['group', made.id], made);
      await client.invalidateQueries({ queryKey: ['identity', identity.id] });
    },
    close,
  });
  return (
    <Modal title={t('edit_customer')} close={close}>
      <form className="modal-body" onSubmit={submit}>
        <div className="fields">
          {FIELDS.filter(({ long }) => !long).map(({ name, label, list }) => (
            <Field key={name} label={t(label)}>
              {name === 'gender' ? (
                <select value={value(name)} onChange={(event) => set(name, event.target.value)}>
                  <option value="">–</option>
                  {GENDERS.map((one) => (
                    <option key={one} value={one}>
                      {t(one)}
                    </option>
                  ))}
                </select>
              ) : list ? (
                <textarea rows={Math.max(1, value(name).split('\n').length)} value={value(name)} onChange={(event) => set(name, event.target.value)} />
              ) : (
                <input value={value(name)} onChange={(event) => set(name, event.target.value)} />
              )}
            </Field>
          ))}
          {fields.map((field) => (
            <Field key={field.key} label={field.label}>
              <Custom field={field} value={value(nameOf(field))} set={(text) => set(nameOf(field), text)} />
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

export default Edit;
