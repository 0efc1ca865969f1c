// A text with what was searched for in it.

import type { ReactNode } from 'react';
import { places } from './found.ts';

export function marked(text: string, words: string[]): ReactNode[] {
  const pieces: ReactNode[] = [];
  let at = 0;
  for (const [from, to] of places(text, words)) {
    pieces.push(text.slice(at, from), <mark key={from} className="searched">{text.slice(from, to)}</mark>);
    at = to;
  }
  return [...pieces, text.slice(at)];
}
