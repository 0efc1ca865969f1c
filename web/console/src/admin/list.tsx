// The list of whatever is administered: search, sorting by any column, and what to do while it is empty.

import { useState } from 'react';
import { visit } from '../routes.ts';
import { Button, Empty, Failed, Skeleton } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { matches } from '../ui/options.tsx';
import { refersTo, useNames, useRecords } from './data.ts';
import type { Column, Kind, Made } from './kinds.ts';
import { type Word, w } from './words/index.ts';

export const List = ({ kind, mayMake, at }: { kind: Kind; mayMake: boolean; at: URLSearchParams }) => {
  const { data, error, refetch } = useRecords(kind);
  const names = useNames(refersTo(kind));
  const [written, write] = useState(at.get('q') ?? '');
  const sorted = kind.columns.find(({ name }) => name === at.get('sort')) ?? kind.columns[0]!;
  const isDown = at.has('down');
  const here = `/admin/${kind.key}`;

  const go = (changes: Record<string, string | undefined>) => {
    const given = new URLSearchParams(at);
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) given.delete(name);
      else given.set(name, value);
    }
    const text = given.toString();
    visit(here + (text && `?${text}`), true);
  };
  const search = (text: string) => {
    write(text);
    go({ q: text || undefined });
  };
  const sort = (column: Column) => go({ sort: column.name, down: column === sorted && !isDown ? '' : undefined });
  const make = () => visit(`${here}/new`);

  if (error && !data) return <Failed message={words(error)} again={() => void refetch()} />;
  if (!data) {
    return (
      <div className="admin-wait" aria-busy="true">
        {[60, 80, 50, 70].map((width) => (
          <Skeleton key={width} width={`${width}%`} />
        ))}
      </div>
    );
  }
  if (!data.records.length) {
    return (
      <Empty title={w(`${kind.key}_empty` as Word)} lead={w(`${kind.key}_lead` as Word)}>
        {mayMake && (
          <Button look="main" icon="plus" onClick={make}>
            {w(kind.key === 'users' ? 'invite' : 'new')}
          </Button>
        )}
      </Empty>
    );
  }
  const shownOf = (record: Made, column: Column) => column.shown(record, names.of);
  const found = data.records.filter((record) => !written.trim() || matches(written.trim(), kind.columns.map((column) => shownOf(record, column)).join(' ')));
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const lines = found.toSorted((one, other) => {
    const [a, b] = [one, other].map((record) => (sorted.by ? sorted.by(record) : shownOf(record, sorted)));
    const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
    return isDown ? -order : order;
  });
  return (
    <>
      <p className="admin-lead">{w(`${kind.key}_lead` as Word)}</p>
      <div className="admin-tools">
        <input type="search" aria-label={w('search_list')} placeholder={w('search_list')} value={written} onChange={(event) => search(event.target.value)} />
        <span className="faint" role="status">
          {data.count > data.records.length ? w('first_of', { count: data.records.length, all: data.count }) : w('records', { count: lines.length })}
        </span>
      </div>
      {lines.length ? (
        <div className="table">
          <table>
            <thead>
              <tr>
                {kind.columns.map((column) => (
                  <th key={column.name} scope="col" aria-sort={column === sorted ? (isDown ? 'descending' : 'ascending') : 'none'}>
                    <button type="button" onClick={() => sort(column)}>
                      {w(column.label)}
                      <span aria-hidden="true">{column === sorted ? (isDown ? ' ↓' : ' ↑') : ''}</span>
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {lines.map((record) => (
                <tr key={record.id} onClick={(event) => !(event.target as Element).closest('a') && visit(`${here}/${record.id}`)}>
                  {kind.columns.map((column, index) => {
                    const state = column.state?.(record);
                    const text = shownOf(record, column);
                    return (
                      <td key={column.name} data-label={w(column.label)} className={column.wide ? 'wide' : undefined}>
                        {index === 0 ? <Link to={`${here}/${record.id}`}>{text || '—'}</Link> : state ? <span className={`state ${state}`}>{text}</span> : text}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Empty title={w('nothing_matches')} lead={w('nothing_matches_lead')} />
      )}
    </>
  );
};

export const Link = ({ to, children, ...more }: { to: string } & React.AnchorHTMLAttributes<HTMLAnchorElement>) => (
  <a
    href={to}
    dir="auto"
    {...more}
    onClick={(event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      visit(to);
      more.onClick?.(event);
    }}
  >
    {children}
  </a>
);
