// A dialog with a heading. Loaded with the first one that is opened.

import { Dialog } from '@base-ui/react/dialog';
import type { ReactNode } from 'react';
import { t } from '../language/index.ts';
import { IconButton } from './pieces.tsx';

export const Modal = ({ title, close, wide = false, children }: { title: string; close: () => void; wide?: boolean; children: ReactNode }) => (
  <Dialog.Root open onOpenChange={(open) => !open && close()}>
    <Dialog.Portal>
      <Dialog.Backdrop className="backdrop" />
      <Dialog.Popup className={wide ? 'dialog modal wide' : 'dialog modal'}>
        <header>
          <Dialog.Title>{title}</Dialog.Title>
          <Dialog.Close render={<IconButton icon="cross" label={t('close_dialog')} />} />
        </header>
        {children}
      </Dialog.Popup>
    </Dialog.Portal>
  </Dialog.Root>
);

/** A field with its name above it. */
export const Field = ({ label, hint, children }: { label: string; hint?: string | undefined; children: ReactNode }) => (
  <label className="field">
    <span>{label}</span>
    {children}
    {hint && <small>{hint}</small>}
  </label>
);
