// Every key.

import { Dialog } from '@base-ui/react/dialog';
import { SHORTCUTS } from './keyboard.ts';
import { t } from './language/index.ts';
import { IconButton } from './ui/pieces.tsx';

const Help = ({ close }: { close: () => void }) => (
  <Dialog.Root open onOpenChange={(open) => !open && close()}>
    <Dialog.Portal>
      <Dialog.Backdrop className="backdrop" />
      <Dialog.Popup className="dialog help">
        <header>
          <Dialog.Title>{t('shortcuts')}</Dialog.Title>
          <Dialog.Close render={<IconButton icon="cross" label={t('close_dialog')} />} />
        </header>
        {/* Who has no pointer scrolls it too. */}
        <div className="help-groups" role="group" aria-label={t('shortcuts')} tabIndex={0}>
          {(['keys_list', 'keys_conversation', 'keys_everywhere'] as const).map((group) => (
            <section key={group}>
              <h3>{t(group)}</h3>
              <dl>
                {SHORTCUTS.filter((shortcut) => shortcut.group === group).map(({ keys, label }) => (
                  <div key={keys}>
                    <dt>{t(label)}</dt>
                    <dd>
                      {keys.split(' ').map((key) => (
                        <kbd key={key}>{key}</kbd>
                      ))}
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
      </Dialog.Popup>
    </Dialog.Portal>
  </Dialog.Root>
);

export default Help;
