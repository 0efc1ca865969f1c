// What the browser's tab says: what is open, and in front how many customers nobody has taken yet.

import { useEffect } from 'react';

/** What the product is called. */
export const PRODUCT = 'Frontdesk';

let open = '';
let waiting = 0;

function show(): void {
  document.title = `${waiting ? `(${waiting}) ` : ''}${open ? `${open} · ` : ''}${PRODUCT}`;
}

/** While a part of the screen is the one that matters; nothing where another is. */
export function useTitle(what: string | undefined): void {
  useEffect(() => {
    if (!what) return;
    open = what;
    show();
    return () => {
      if (open !== what) return;
      open = '';
      show();
    };
  }, [what]);
}

export function useWaiting(count: number): void {
  useEffect(() => {
    waiting = count;
    show();
    return () => {
      waiting = 0;
      show();
    };
  }, [count]);
}
