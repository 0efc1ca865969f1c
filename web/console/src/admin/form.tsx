// The form of whatever is administered. What is changed is kept until it is saved; what somebody else changes meanwhile is
// shown at once where it was not touched here, and asked about where it was.

import { type FormEvent, type ReactNode, Suspense, useReducer, useState } from 'react';
import { Refusal } from '../api/client.ts';
import { fault } from '../language/refusals.ts';
import { Icon } from '../ui/icon.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain, say, words } from '../ui/toasts.tsx';
import { refersTo, useNames } from './data.ts';
import { conflicts, type Draft, draftOf, type Edits, edited, fieldOf, keep, left } from './edits.ts';
import { FormField, labelOf, wordsOf } from './fields.tsx';
import type { Field, Kind, Made } from './kinds.ts';
import { type Word, w } from './words/index.ts';

interface Props {
  /** Under which what is not saved is kept. */
  place: string;
  /** As it is on the server; while it is made, what it has by itself. */
  record: Made;
  isNew: boolean;
  fields: Field[];
  names: ReturnType<typeof useNames>;
  /** May be looked at only. */
  fixed?: boolean;
  /** How it is now, for who saves. */
  again?: () => Promise<Made>;
  save: (edits: Edits) => Promise<unknown>;
  verb?: Word;
  beside?: Kind['beside'];
  children?: ReactNode;
}

export { refersTo, useNames };

interface Part {
  part?: Word | undefined;
  folded?: true | undefined;
  fields: Field[];
}

/** A heading holds until the next one. */
function parts(fields: Field[]): Part[] {
  const found: Part[] = [{ fields: [] }];
  for (const field of fields) {
    if (field.part) found.push({ part: field.part, folded: field.folded, fields: [] });
    found.at(-1)!.fields.push(field);
  }
  return found;
}

export const Form = ({ place, record, isNew, fields, names, fixed = false, again, save, verb, beside: Beside, children }: Props) => {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [general, setGeneral] = useState('');
  const [clash, setClash] = useState<{ names: string[]; now: Made }>();
  const [busy, setBusy] = useState(false);
  const draft: Draft = draftOf(place) ?? { base: record, edits: {} };
  const shown: Made = { ...record, ...draft.edits };
  const set = (to: Draft) => {
    keep(place, to);
    draw();
  };
  const change = (name: string, value: unknown) => {
    const before = draftOf(place) ?? { base: record, edits: {} };
    set(edited(before, name, value));
    setProblems(({ [name]: _, ...rest }) => rest);
  };
  const isDirty = Object.keys(draft.edits).length > 0;
  const visible = fields.filter(({ only, when }) => (!only || (only === 'new') === isNew) && (!when || when(shown)));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblems({});
    setGeneral('');
    setBusy(true);
    try {
      if (again) {
        const now = await again();
        const found = conflicts(draft, now);
        if (found.length) {
          setClash({ names: found, now });
          setBusy(false);
          return;
        }
      }
      const edits = Object.fromEntries(Object.entries(draft.edits).map(([name, value]) => [name, Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.filter((one) => one.trim()) : (value ?? '')]));
      await save(edits);
      keep(place, isNew ? undefined : left(draft, draftOf(place)));
      if (!isNew) say(w('saved'));
      draw();
    } catch (trouble) {
      if (trouble instanceof Refusal && trouble.errors.length) {
        const known = new Set(visible.map(({ name }) => name));
        const told: Record<string, string> = {};
        for (const error of trouble.errors) {
          const name = error.attribute.replace('[]', '');
          told[name] = told[name] ? `${told[name]}\n${fault(error)}` : fault(error);
        }
        setProblems(told);
        setGeneral(trouble.errors.filter(({ attribute }) => !known.has(attribute.replace('[]', ''))).map(fault).join(' '));
      } else if (trouble instanceof Refusal) setGeneral(words(trouble));
      else complain(trouble);
    }
    setBusy(false);
  };

  /** Each is decided alone; what is decided is based on how it is now. */
  const decide = (name: string, theirs: boolean) => {
    if (!clash) return;
    const edits = { ...draft.edits };
    if (theirs) delete edits[name];
    set({ base: { ...draft.base, [name]: fieldOf(clash.now, name) }, edits });
    const rest = clash.names.filter((one) => one !== name);
    setClash(rest.length ? { ...clash, names: rest } : undefined);
  };

  return (
    <form className="form" onSubmit={submit} noValidate={false}>
      {clash && (
        <section className="clash" role="alert">
          <h2>
            <Icon name="alert" /> {w('changed_elsewhere')}
          </h2>
          <p>{w('changed_elsewhere_lead')}</p>
          {clash.names.map((name) => {
            const field = fields.find((one) => one.name === name);
            return (
              <div key={name} className="clash-one">
                <strong>{field ? w(labelOf(field)) : name}</strong>
                <span dir="auto">{w('theirs', { value: wordsOf(fieldOf(clash.now, name)) })}</span>
                <span dir="auto">{w('yours', { value: wordsOf(draft.edits[name]) })}</span>
                <span className="clash-choice">
                  <Button onClick={() => decide(name, true)}>{w('take_theirs')}</Button>
                  <Button onClick={() => decide(name, false)}>{w('keep_yours')}</Button>
                </span>
              </div>
            );
          })}
        </section>
      )}
      {parts(visible).map(({ part, folded, fields: own }) => {
        const all = own.map((field) => <FormField key={field.name} field={field} record={shown} change={change} names={names} problem={problems[field.name]} disabled={fixed} />);
        if (!part) return all;
        if (!folded) {
          return (
            <section key={part} className="part">
              <h2>{w(part)}</h2>
              {all}
            </section>
          );
        }
        // What is wrong or not saved yet is seen.
        const isWanted = own.some(({ name }) => problems[name] || name in draft.edits);
        return (
          <details key={part} className="part" open={isWanted || undefined}>
            <summary>
              <h2>{w(part)}</h2>
              <Icon name="down" />
            </summary>
            <div>{all}</div>
          </details>
        );
      })}
      {Beside && (
        <Suspense>
          <Beside record={shown} saved={record} />
        </Suspense>
      )}
      {general && (
        <p className="problem" role="alert">
          {general}
        </p>
      )}
      {!fixed && (
        <div className="form-foot">
          <Button type="submit" look="main" disabled={busy || !!clash || (!isNew && !isDirty)}>
            {w(verb ?? (isNew ? 'create' : 'save'))}
          </Button>
          {children}
        </div>
      )}
    </form>
  );
};
