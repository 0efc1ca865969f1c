// As whom somebody writes: identities that agents may write as. The first of a community is theirs there unless they choose
// another one.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { readAll } from '../api/read.ts';
import type { Id, Identity } from '../api/types.ts';
import { useIdentities, useSources } from '../data.ts';
import { Choice } from '../ui/choice.tsx';
import { IconButton } from '../ui/pieces.tsx';
import { fieldOf } from './edits.ts';
import { type FieldProps, labelOf } from './fields.tsx';
import { NAMELESS } from './kinds.ts';
import { hint, w } from './words/index.ts';

const IdentitiesField = ({ field, record, change, problem, disabled }: FieldProps) => {
  const [open, setOpen] = useState(false);
  const chosen = (fieldOf(record, field.name) as Id[] | undefined) ?? [];
  const { data } = useQuery({ queryKey: ['admin', 'identity', 'controlled'], queryFn: ({ signal }) => readAll<Identity>('/identities', { controlled: true }, signal) });
  const found = new Map(data?.records.map((one) => [one.id, one]));
  // What somebody has already may be what nobody could be given any more.
  const others = useIdentities(data ? chosen.filter((id) => !found.has(id)) : []);
  const sources = useSources();
  const said = (id: Id): { name: string; where: string } => {
    const identity = found.get(id) ?? others.get(id);
    if (!identity) return { name: NAMELESS, where: data ? w('voice_unread') : '' };
    const where = sources.filter(({ community_id }) => community_id === identity.community_id).map(({ name }) => name);
    return { name: identity.display_name || identity.screenname || identity.foreign_id || NAMELESS, where: where.join(', ') };
  };
  const label = w(labelOf(field));
  const toggle = (id: Id) => change(field.name, chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  const first = (id: Id) => change(field.name, [id, ...chosen.filter((one) => one !== id)]);
  const options = (data?.records ?? []).map(({ id }) => ({ id, ...said(id) })).map(({ id, name, where }) => ({ id, label: name, detail: where, checked: chosen.includes(id) }));
  return (
    <fieldset className="field">
      <legend>{label}</legend>
      {chosen.length > 0 && (
        <ul className="rows voices">
          {chosen.map((id, at) => {
            const { name, where } = said(id);
            return (
              <li key={id}>
                <span className="grow">
                  <strong dir="auto">{name}</strong> <span className="faint">{where}</span>
                </span>
                {at > 0 && <IconButton icon="up" label={w('voice_first', { name })} disabled={disabled} onClick={() => first(id)} />}
                <IconButton icon="cross" label={w('take_out', { name })} disabled={disabled} onClick={() => toggle(id)} />
              </li>
            );
          })}
        </ul>
      )}
      <div className="many">
        <Choice icon="plus" label={label} open={open} setOpen={setOpen} disabled={!!disabled} many options={options} pick={toggle} placeholder={w('search_list')} empty={w('voices_none')}>
          {w('choose')}
          <span className="unseen"> {label}</span>
        </Choice>
      </div>
      <p className={problem ? 'problem' : 'faint'} role={problem ? 'alert' : undefined}>
        {problem ?? hint(labelOf(field))}
      </p>
    </fieldset>
  );
};

export default IdentitiesField;
