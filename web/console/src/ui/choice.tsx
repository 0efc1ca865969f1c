// A button that opens options.

import { type ComponentProps, lazy, type ReactNode, Suspense, useRef } from 'react';
import type { Options } from './options.tsx';
import { Button, IconButton } from './pieces.tsx';
import type { IconName } from './icon.tsx';

const load = () => import('./picker.tsx');
const Picker = lazy(load);

interface Props extends Omit<ComponentProps<typeof Options>, 'placeholder'> {
  placeholder?: string;
  icon?: IconName;
  /** Only the icon is shown. */
  bare?: boolean;
  look?: 'plain' | 'quiet' | 'main';
  keys?: string;
  open: boolean;
  setOpen: (open: boolean) => void;
  disabled?: boolean;
  children?: ReactNode;
}

export const Choice = ({ icon, bare, look = 'plain', keys, open, setOpen, disabled, children, label, placeholder, ...options }: Props) => {
  const anchor = useRef<HTMLButtonElement>(null);
  const shared = { ref: anchor, onClick: () => setOpen(!open), onPointerEnter: load, disabled, 'aria-haspopup': 'listbox', 'aria-expanded': open } as const;
  return (
    <>
      {bare && icon ? (
        <IconButton icon={icon} label={label} {...(keys && { keys })} {...shared} />
      ) : (
        <Button look={look} {...(icon && { icon })} title={keys ? `${label} (${keys})` : label} {...shared}>
          {children ?? label}
        </Button>
      )}
      {open && (
        <Suspense>
          <Picker anchor={anchor} close={() => setOpen(false)} label={label} placeholder={placeholder ?? label} {...options} />
        </Suspense>
      )}
    </>
  );
};
