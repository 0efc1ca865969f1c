// Options beside the button that asks for them; loaded when the first one is opened.

import { Popover } from '@base-ui/react/popover';
import type { ComponentProps, RefObject } from 'react';
import { Options } from './options.tsx';

interface Props extends ComponentProps<typeof Options> {
  anchor: RefObject<HTMLElement | null>;
  close: () => void;
}

const Picker = ({ anchor, close, pick, ...options }: Props) => (
  <Popover.Root open onOpenChange={(open) => !open && close()} modal={false}>
    <Popover.Portal>
      <Popover.Positioner anchor={anchor} sideOffset={6} align="end" collisionPadding={8} className="layer">
        <Popover.Popup className="popup" aria-label={options.label} finalFocus={anchor}>
          <Options
            {...options}
            pick={(id) => {
              pick(id);
              if (!options.many) close();
            }}
          />
        </Popover.Popup>
      </Popover.Positioner>
    </Popover.Portal>
  </Popover.Root>
);

export default Picker;
