// The list of whatever is administered: search, sorting by any column, and what to do while it is empty.

import { Suspense, useState } from 'react';
import { visit } from '../routes.ts';
import { Button, Empty, Failed, IconButton, Skeleton } from '../ui/pieces.tsx';
import { complain, words } from '../ui/toasts.tsx';
import { matches } from '../ui/options.tsx';
import { changed, refersTo, useNames, useRecords } from './data.ts';
import { type Column, type Kind, type Made, wordOf } from './kinds.ts';
import { type Word, w } from './words/index.ts';

export const List = ({ kind, mayMake, mayChange, at }: { kind: Kind; mayMake: boolean; mayChange: boolean; at: URLSearchParams }) => {
  const { data, error, refetch } = useRecords(kind);
  const names = useNames(refersTo(kind));
  const [written, write] = useState(at.get('q') ?? '');
  const sorted = kind.columns.find(({ name }) => name === at.get('sort')) ?? (kind.move ? undefined : kind.columns[0]!);
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
      <Empty title={w(`${wordOf(kind)}_empty` as Word)} lead={w(`${wordOf(kind)}_lead` as Word)}>
        {mayMake && (
          <Button look="main" icon="plus" onClick={make}>
            {w(kind.verb ?? 'new')}
          </Button>
        )}
      </Empty>
    );
  }
  const shownOf = (record: Made, column: Column) => column.shown(record, names.of);
  const found = data.records.filter((record) => !written.trim() || matches(written.trim(), kind.columns.map((column) => shownOf(record, column)).join(' ')));
  if (kind.list && !written.trim()) {
    const Own = kind.list;
    return (
      <>
        <Tools kind={kind} written={written} search={search} told={w('records', { count: data.count })} />
        <Suspense>
          <Own kind={kind} records={data.records} mayChange={mayChange} />
        </Suspense>
      </>
    );
  }
  const move = (record: Made, by: number) => kind.move?.(record, data.records.indexOf(record) + 1 + by).then(() => changed(kind), complain);
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const lines = found.toSorted((one, other) => {
    if (!sorted) return 0;
    const [a, b] = [one, other].map((record) => (sorted.by ? sorted.by(record) : shownOf(record, sorted)));
    const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
    return isDown ? -order : order;
  });
  return (
    <>
      <Tools kind={kind} written={written} search={search} told={data.count > data.records.length ? w('first_of', { count: data.records.length, all: data.count }) : w('records', { count: lines.length })} />
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
                {kind.move && mayChange && <th scope="col">{w('order')}</th>}
              </tr>
            </thead>
            <tbody>
              {lines.map((record) => (
                <tr key={record.id} onClick={(event) => !(event.target as Element).closest('a, button') && visit(`${here}/${record.id}`)}>
                  {kind.columns.map((column, index) => {
                    const state = column.state?.(record);
                    const text = shownOf(record, column);
                    return (
                      <td key={column.name} data-label={w(column.label)} className={column.wide ? 'wide' : undefined}>
                        {index === 0 ? <Link to={`${here}/${record.id}`}>{text || '—'}</Link> : state ? <span className={`state ${state}`}>{text}</span> : text}
                      </td>
                    );
                  })}
                  {kind.move && mayChange && (
                    <td data-label={w('order')} className="moves">
                      {([-1, 1] as const).map((by) => {
                        const to = data.records.indexOf(record) + by;
                        const label = w(by < 0 ? 'move_up' : 'move_down', { name: kind.named(record) });
                        return <IconButton key={by} icon={by < 0 ? 'up' : 'down'} label={label} disabled={to < 0 || to >= data.records.length || !!sorted} onClick={() => void move(record, by)} />;
                      })}
                    </td>
                  )}
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

const Tools = ({ kind, written, search, told }: { kind: Kind; written: string; search: (text: string) => void; told: string }) => (
  <>
    <p className="admin-lead">{w(`${wordOf(kind)}_lead` as Word)}</p>
    <div className="admin-tools">
      <input type="search" aria-label={w('search_list')} placeholder={w('search_list')} value={written} onChange={(event) => search(event.target.value)} />
      <span className="faint" role="status">
        {told}
      </span>
    </div>
  </>
);

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
