// A moment of one's own choice.

import { useState } from 'react';
import { t } from '../language/index.ts';
import { Field, Modal } from './modal.tsx';
import { Button } from './pieces.tsx';

/** As a field of a date and time writes it, in the time of this place. */
const local = (at: Date): string => new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

const When = ({ label, pick, close }: { label: string; pick: (at: Date) => void; close: () => void }) => {
  const [written, write] = useState(() => local(new Date(Date.now() + 24 * 3_600_000)));
  const at = new Date(written);
  return (
    <Modal title={label} close={close}>
      <form
        className="modal-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (!(at.getTime() > Date.now())) return;
          pick(at);
          close();
        }}
      >
        <Field label={t('when')}>
          <input type="datetime-local" value={written} min={local(new Date())} onChange={(event) => write(event.target.value)} autoFocus required />
        </Field>
        <footer>
          <Button onClick={close}>{t('cancel')}</Button>
          <Button type="submit" look="main" disabled={!(at.getTime() > Date.now())}>
            {label}
          </Button>
        </footer>
      </form>
    </Modal>
  );
};

export default When;
