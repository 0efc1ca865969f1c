// Categories as the tree that they are. Each can be moved below another, by hand or by choosing where to.

import { useState } from 'react';
import { put } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import { visit } from '../routes.ts';
import { Choice } from '../ui/choice.tsx';
import { IconButton } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { changed, useNames } from './data.ts';
import type { Kind, Made } from './kinds.ts';
import { Link } from './list.tsx';
import { w } from './words/index.ts';

/** What roots can be; what is below them has none of it. */
const TRAITS = ['mandatory', 'multiple', 'post_qualification', 'unselectable'] as const;
const ROOT = 'root';

const CategoryTree = ({ kind, records, mayChange }: { kind: Kind; records: Made[]; mayChange: boolean }) => {
  const names = useNames(['categories', 'sources']);
  const [held, hold] = useState<Id>();
  const [over, setOver] = useState<Id>();
  const [closed, close] = useState<ReadonlySet<Id>>(new Set());
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const known = new Set(records.map(({ id }) => id));
  const below = (parent: Id | null): Made[] => records.filter(({ parent_id }) => (parent ? parent_id === parent : !parent_id || !known.has(parent_id))).toSorted((one, other) => collator.compare(one.name, other.name));
  const isBelow = (id: Id, above: Id): boolean => {
    for (let at = records.find((one) => one.id === id), steps = 0; at && steps < records.length; at = records.find((one) => one.id === at?.parent_id), steps++) if (at.id === above) return true;
    return false;
  };
  const mayGo = (id: Id, to: Id): boolean => (to === ROOT ? !!records.find((one) => one.id === id)?.parent_id : !isBelow(to, id) && records.find((one) => one.id === id)?.parent_id !== to);
  const move = (id: Id, to: Id) =>
    mayGo(id, to) &&
    void put(`${kind.path}/${id}`, { parent_id: to === ROOT ? '' : to }).then(() => {
      say(w('moved'));
      return changed(kind);
    }, complain);
  const onto = (to: Id) =>
    mayChange && {
      'data-over': (over === to && held && mayGo(held, to)) || undefined,
      onDragOver: (event: React.DragEvent) => {
        event.stopPropagation();
        if (!held || !mayGo(held, to)) return;
        event.preventDefault();
        setOver(to);
      },
      onDrop: (event: React.DragEvent) => {
        event.preventDefault();
        event.stopPropagation();
        if (held) move(held, to);
        hold(undefined);
        setOver(undefined);
      },
    };

  const branch = (parent: Id | null) => (
    <ul>
      {below(parent).map((one) => {
        const children = records.some(({ parent_id }) => parent_id === one.id);
        const isClosed = closed.has(one.id);
        const traits = one.parent_id ? [] : TRAITS.filter((name) => one[name]).map((name) => w(`trait_${name}`));
        const sources = one.parent_id ? '' : (one.source_ids as Id[]).map((id) => names.of('sources', id)).join(', ');
        const toggle = () => {
          const next = new Set(closed);
          if (!next.delete(one.id)) next.add(one.id);
          close(next);
        };
        return (
          <li key={one.id}>
            <div
              className="branch"
              draggable={mayChange}
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = 'move';
                event.dataTransfer.setData('text/plain', one.name);
                hold(one.id);
              }}
              onDragEnd={() => hold(undefined)}
              {...onto(one.id)}
            >
              {children ? <IconButton icon={isClosed ? 'forward' : 'down'} label={w(isClosed ? 'tree_open' : 'tree_close', { name: one.name })} aria-expanded={!isClosed} onClick={toggle} /> : <span className="leaf" />}
              <span className="dot" data-colour={one.color} />
              <Link to={`/admin/categories/${one.id}`}>{one.name}</Link>
              <span className="faint grow">{[...traits, sources].filter(Boolean).join(' · ')}</span>
              {mayChange && (
                <>
                  <IconButton icon="plus" label={w('tree_add', { name: one.name })} onClick={() => visit(`/admin/categories/new?parent_id=${one.id}`)} />
                  <Move one={one} names={names} mayGo={mayGo} move={move} />
                </>
              )}
            </div>
            {children && !isClosed && branch(one.id)}
          </li>
        );
      })}
    </ul>
  );
  return (
    <div className="tree" {...onto(ROOT)}>
      {branch(null)}
    </div>
  );
};

const Move = ({ one, names, mayGo, move }: { one: Made; names: ReturnType<typeof useNames>; mayGo: (id: Id, to: Id) => boolean; move: (id: Id, to: Id) => unknown }) => {
  const [open, setOpen] = useState(false);
  const places = [{ id: ROOT, label: w('tree_root') }, ...names.all('categories')].filter(({ id }) => mayGo(one.id, id));
  return (
    <Choice
      icon="sort"
      bare
      label={w('tree_move', { name: one.name })}
      open={open}
      setOpen={setOpen}
      options={places}
      pick={(to) => {
        setOpen(false);
        move(one.id, to);
      }}
      placeholder={w('search_list')}
    />
  );
};

export default CategoryTree;
