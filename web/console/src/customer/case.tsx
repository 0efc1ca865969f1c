// What is asked for of each intervention, to be filled in.

import { get, put } from '../api/client.ts';
import type { CustomField, Intervention } from '../api/types.ts';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { Field, Modal } from '../ui/modal.tsx';
import { Button } from '../ui/pieces.tsx';
import { Custom, fieldValues, nameOf, useCorrections, writtenFields } from './corrections.tsx';

const Case = ({ intervention, fields, close }: { intervention: Intervention; fields: CustomField[]; close: () => void }) => {
  const path = `/interventions/${intervention.id}`;
  const { value, set, problem, busy, submit } = useCorrections({
    known: writtenFields(fields, intervention.custom_fields),
    fresh: async () => writtenFields(fields, (await get<Intervention>(path)).custom_fields),
    label: (name) => fields.find((field) => name === nameOf(field))?.label ?? name,
    save: async (changed, now) => {
      await put(path, fieldValues(changed, now, fields));
      touch(intervention.thread_id);
    },
    close,
  });
  return (
    <Modal title={t('edit_case')} close={close}>
      <form className="modal-body" onSubmit={submit}>
        <div className="fields">
          {fields.map((field) => (
            <Field key={field.key} label={field.label}>
              <Custom field={field} value={value(nameOf(field))} set={(text) => set(nameOf(field), text)} />
            </Field>
          ))}
        </div>
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

export default Case;
