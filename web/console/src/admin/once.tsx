// Something to copy to elsewhere.

import { Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { w } from './words/index.ts';

export const Copyable = ({ text, label }: { text: string; label: string }) => (
  <div className="copyable">
    <code aria-label={label}>{text}</code>
    <Button onClick={() => navigator.clipboard?.writeText(text).then(() => say(w('copied')), complain)}>{w('copy')}</Button>
  </div>
);

/** A secret that the server tells this once. */
export const Once = ({ text, label }: { text: string; label: string }) => (
  <section className="once" role="status">
    <p>
      <strong>{label}</strong> {w('shown_once')}
    </p>
    <Copyable text={text} label={label} />
  </section>
);
