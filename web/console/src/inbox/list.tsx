// The list of a folder's threads: only those lines are there that can be seen, and only those pages are asked for.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { archive, assignMany, categoriseMany, choosable, leavingThreads, onLeaving, resolve } from '../actions.ts';
import { post, Refusal } from '../api/client.ts';
import type { Folder, Id, Thread } from '../api/types.ts';
import { client, expect, ordered, PAGE, useCategories, useFolders, useFoldersKnown, useMe, usePages, useSources, useUsers } from '../data.ts';
import { useKeys } from '../keyboard.ts';
import { assignee, assignees } from '../conversation/assignees.tsx';
import { currentLocale, type Key, t } from '../language/index.ts';
import { useUserName } from '../names.ts';
import { useMay, useMayHandle, useReadsNothing } from '../rights.tsx';
import { address, go, goToFolder, type Route, SORTS, visit } from '../routes.ts';
import { useTitle } from '../title.ts';
import { Choice } from '../ui/choice.tsx';
import { Button, Empty, Failed, IconButton, Skeleton } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { FolderMenu } from './folder-menu.tsx';
import { OWN } from './folders.ts';
import { wordsOf } from './found.ts';
import { useHits } from './hits.ts';
import { Line } from './line.tsx';
import { Search } from './search.tsx';

/** Milliseconds for which one rests on a piece of the list before it is asked for, while scrolling. */
const SETTLED_MS = 80;
/** As in base.css. */
const LINE_PX = 84;

/** What a folder finds. */
function useQueryOf({ folder, q, sort }: Route): { query: string; label: string; own: (typeof OWN)[number] | undefined; saved: Folder | undefined } {
  const saved = useFolders().find(({ id }) => id === folder);
  const own = OWN.find(({ key }) => key === folder);
  if (folder === 'search') return { query: ordered(q, sort), label: t('folder_search'), own: undefined, saved: undefined };
  return { query: ordered(own?.query ?? saved?.query ?? '', sort), label: own ? t(own.label) : (saved?.label ?? ''), own, saved };
}

export const List = ({ route, menu, begin }: { route: Route; menu: () => void; begin: () => void }) => {
  const { query, label, own, saved } = useQueryOf(route);
  const scroller = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const [selected, select] = useState<ReadonlyMap<Id, Thread>>(new Map());
  const [at, setAt] = useState(-1);
  const [pages, setPages] = useState([0]);
  const results = usePages(query, pages);
  const sources = useSources();
  const userName = useUserName();
  const leaving = useSyncExternalStore(onLeaving, leavingThreads);
  // What one may not read any more is not chosen any more either.
  const chosen = [...selected.values()].filter(({ source_id }) => sources.some(({ id }) => id === source_id));

  const byPage = new Map(pages.map((page, index) => [page, results[index]?.data]));
  const first = byPage.get(0) ?? client.getQueryData<{ count: number; records: Thread[] }>(['threads', query, 0]);
  const known = [...byPage.values()].flatMap((page) => page ?? []);
  const total = known.length ? Math.max(...known.map(({ count, offset, records }) => (records.length < PAGE ? offset + records.length : count))) : (first?.count ?? 0);
  const trouble = results.find(({ error, data }) => error && !data)?.error;
  const problem = trouble instanceof Refusal && trouble.status < 500 ? trouble.message : undefined;
  const words = useMemo(() => wordsOf(query), [query]);
  const hits = useHits(words, known.map(({ records }) => records));
  const held = (page: number) => byPage.get(page) ?? client.getQueryData<{ records: Thread[] }>(['threads', query, page]);
  // A list can be long: nothing here looks at more of it than the pages that are on the screen.
  const hidden: number[] = [];
  let found = -1;
  for (const [page, data] of byPage) {
    data?.records.forEach(({ id }, index) => {
      if (leaving.has(id)) hidden.push(page * PAGE + index);
      else if (id === route.thread) found = page * PAGE + index;
    });
  }
  hidden.sort((a, b) => a - b);
  /** The thread that stands at a place of the list, in which those that leave have none. */
  const threadAt = (place: number): Thread | undefined => {
    const index = hidden.reduce((so, one) => (one <= so ? so + 1 : so), place);
    return index >= 0 && index < total ? held(Math.floor(index / PAGE))?.records[index % PAGE] : undefined;
  };
  const length = total - hidden.length;

  const virtual = useVirtualizer({ count: length, getScrollElement: () => scroller.current, estimateSize: () => LINE_PX, overscan: 6 });
  const lines = virtual.getVirtualItems();
  const wanted = [...new Set([0, ...lines.map(({ index }) => Math.floor(index / PAGE)), ...(hidden.length && lines.length ? [Math.floor(((lines.at(-1)?.index ?? 0) + hidden.length) / PAGE)] : [])])].sort((a, b) => a - b);
  const key = wanted.join();
  useEffect(() => {
    const next = key.split(',').map(Number);
    // What flies by is not asked for.
    const timer = setTimeout(() => setPages(next), virtual.isScrolling ? SETTLED_MS : 0);
    return () => clearTimeout(timer);
  }, [key, virtual]);

  // Another list begins at its top, and with nothing chosen.
  useEffect(() => {
    scroller.current?.scrollTo(0, 0);
    setAt(-1);
    select(new Map());
    setPages([0]);
  }, [query]);

  const here = found < 0 ? -1 : found - hidden.filter((one) => one < found).length;
  const cursor = route.thread ? here : at;
  const move = (by: number) => {
    const next = Math.min(Math.max(cursor + by, 0), length - 1);
    const thread = threadAt(next);
    if (!thread) return;
    setAt(next);
    virtual.scrollToIndex(next);
    expect(thread.id);
    if (route.thread) go({ thread: thread.id }, true);
    const after = threadAt(next + by);
    if (after) expect(after.id);
  };
  const toggle = (thread: Thread | undefined) => {
    if (!thread) return;
    select((before) => {
      const next = new Map(before);
      if (!next.delete(thread.id)) next.set(thread.id, thread);
      return next;
    });
  };
  useKeys({
    J: () => move(1),
    K: () => move(-1),
    ...(!route.thread && { ArrowDown: () => move(1), ArrowUp: () => move(-1) }),
    Enter: () => {
      const thread = threadAt(cursor);
      if (thread) go({ thread: thread.id });
    },
    X: () => toggle(threadAt(cursor)),
    '/': () => field.current?.focus(),
    ...((chosen.length || route.thread) && {
      Escape: () => {
        if (chosen.length) return select(new Map());
        setAt(here);
        go({ thread: undefined });
      },
    }),
  });

  const readsNothing = useReadsNothing();
  const foldersKnown = useFoldersKnown();
  const isMissing = !own && !saved && route.folder !== 'search' && foldersKnown;
  const loading = !first && !trouble;
  useTitle(route.thread || route.lead ? undefined : isMissing ? t('conversations') : label);
  const ask = (q: string) => go(q ? { folder: 'search', q } : { folder: 'all', q: '' }, route.folder === 'search');
  return (
    <section className="list" aria-label={t('conversations')}>
      <header>
        <div className="list-title">
          <IconButton className="phone-only" icon="menu" label={t('menu')} onClick={menu} />
          <h1>{isMissing ? t('conversations') : label}</h1>
          <span className="list-count" aria-live="polite">
            {first && !isMissing ? shownCount(first.count) : ''}
          </span>
          <IconButton icon="plus" label={t('begin')} keys="W" onClick={begin} />
          {saved && <FolderMenu folder={saved} />}
          <Sorting route={route} />
        </div>
        <Search q={route.folder === 'search' ? route.q : ''} ask={ask} field={field} leave={() => field.current?.blur()} problem={problem} />
        {route.folder === 'search' && route.q && !problem && <Save q={route.q} />}
      </header>
      {chosen.length > 0 && <Bulk threads={chosen} done={() => select(new Map())} />}
      <div className="list-scroll" ref={scroller} tabIndex={-1}>
        {trouble && !problem && <Failed message={trouble instanceof Refusal ? trouble.message : t('list_unreachable')} again={() => void client.refetchQueries({ queryKey: ['threads', query] })} />}
        {isMissing && (
          <Empty title={t('folder_missing')} lead={t('folder_missing_lead')}>
            <Button onClick={() => goToFolder('waiting')}>{t('to_inbox')}</Button>
          </Empty>
        )}
        {loading && Array.from({ length: 8 }, (_, index) => <Waiting key={index} />)}
        {!isMissing && first && !length && readsNothing && <NoSource />}
        {!isMissing && first && !length && !readsNothing && <Empty title={t(own?.empty ?? (saved ? 'folder_empty' : 'search_empty'))} lead={t(own?.lead ?? (saved ? 'folder_empty_lead' : 'search_empty_lead'), { query: saved?.query ?? '' })} />}
        <ul className="lines" style={{ height: virtual.getTotalSize() }}>
          {!isMissing && lines.map(({ index, start }) => {
            const thread = threadAt(index);
            return (
              <li key={thread?.id ?? `at-${index}`} className="line-place" style={{ transform: `translateY(${start}px)` }} aria-setsize={length} aria-posinset={index + 1}>
                {thread ? (
                  <Line
                    thread={thread}
                    source={sources.find(({ id }) => id === thread.source_id)}
                    hit={hits.get(thread.id)}
                    words={words}
                    userName={userName}
                    href={address({ ...route, thread: thread.id })}
                    current={thread.id === route.thread}
                    cursor={index === cursor}
                    selected={selected.has(thread.id)}
                    selecting={chosen.length > 0}
                    open={() => go({ thread: thread.id })}
                    toggle={() => toggle(thread)}
                  />
                ) : (
                  <Waiting />
                )}
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
};

/** Nothing can be here, and who can change that. */
const NoSource = () => {
  const makes = useMay()('create_content_source');
  return (
    <Empty title={t('no_source')} lead={t(makes ? 'no_source_makes' : 'no_source_lead')}>
      {makes && (
        <Button look="main" icon="plus" onClick={() => visit('/admin/sources/new')}>
          {t('no_source_new')}
        </Button>
      )}
    </Empty>
  );
};

/** Counts up to 10,000 are exact (docs/integrator/rest.md). */
const EXACT_MAX = 10_000;

function shownCount(count: number): string {
  const text = new Intl.NumberFormat(currentLocale()).format(Math.min(count, EXACT_MAX));
  return count > EXACT_MAX ? t('more_than', { count: text }) : text;
}

const Waiting = () => (
  <div className="line" aria-hidden="true">
    <span className="skeleton round" />
    <span className="line-words">
      <Skeleton width="45%" />
      <Skeleton width="90%" />
      <Skeleton width="30%" />
    </span>
  </div>
);

const Sorting = ({ route }: { route: Route }) => {
  const [open, setOpen] = useState(false);
  return (
    <Choice
      icon="sort"
      bare
      label={t('sort')}
      open={open}
      setOpen={setOpen}
      searched={false}
      options={SORTS.map((sort) => ({ id: sort, label: t(`sort_${sort}` as Key), checked: route.sort === sort, detail: route.sort === sort ? '✓' : undefined }))}
      pick={(sort) => go({ sort: sort as Route['sort'] }, true)}
    />
  );
};

const Save = ({ q }: { q: string }) => {
  const [naming, setNaming] = useState(false);
  if (!naming) {
    return (
      <Button look="quiet" icon="plus" className="save" onClick={() => setNaming(true)}>
        {t('search_save')}
      </Button>
    );
  }
  return (
    <form
      className="save"
      onSubmit={async (event) => {
        event.preventDefault();
        const label = String(new FormData(event.currentTarget).get('label') ?? '').trim();
        if (!label) return;
        try {
          const made = await post<Folder>('/folders', { label, query: q, own: true, render_threads_count: true });
          await client.invalidateQueries({ queryKey: ['folders'] });
          say(t('search_saved'));
          go({ folder: made.id, q: '' });
        } catch (trouble) {
          complain(trouble);
        }
      }}
    >
      <input name="label" aria-label={t('search_save_name')} placeholder={t('search_save_name')} autoFocus maxLength={100} onKeyDown={(event) => event.key === 'Escape' && setNaming(false)} />
      <Button type="submit">{t('search_save')}</Button>
    </form>
  );
};

const Bulk = ({ threads, done }: { threads: Thread[]; done: () => void }) => {
  const users = useUsers();
  const me = useMe().data;
  const categories = useCategories();
  const [open, setOpen] = useState<'assign' | 'categories'>();
  const source = threads[0]?.source_id ?? '';
  const offered = choosable(categories, source).filter(({ root }) => !root.post_qualification && threads.every(({ source_id }) => !root.source_ids.length || root.source_ids.includes(source_id)));
  const handle = useMayHandle();
  const ownerOf = ({ intervention }: Thread) => (intervention && !intervention.closed_at ? intervention.user_id : undefined);
  const mayAssign = threads.some((thread) => handle.assign(ownerOf(thread)));
  const mayResolve = threads.some((thread) => handle.close(ownerOf(thread)));
  const all = (work: (threads: Thread[]) => unknown) => {
    work(threads);
    done();
  };
  useKeys({
    ...(mayAssign && { A: () => setOpen('assign') }),
    L: () => setOpen('categories'),
    I: () => all(archive),
    ...(mayResolve && { F: () => all(resolve) }),
  });
  return (
    <div className="bulk" role="toolbar" aria-label={t('selected', { count: threads.length })}>
      <IconButton icon="cross" label={t('clear_selection')} keys="Esc" onClick={done} />
      <span>{t('selected', { count: threads.length })}</span>
      {mayAssign && (
        <Choice
          icon="person"
          bare
          label={t('assign')}
          keys="A"
          open={open === 'assign'}
          setOpen={(is) => setOpen(is ? 'assign' : undefined)}
          options={open === 'assign' ? assignees(users, me, true) : []}
          pick={(id) => all(() => assignMany(threads, assignee(users, id)))}
        />
      )}
      <Choice
        icon="tag"
        bare
        label={t('categories')}
        keys="L"
        open={open === 'categories'}
        setOpen={(is) => setOpen(is ? 'categories' : undefined)}
        empty={t('no_categories')}
        options={offered.map(({ id, path }) => ({ id, label: path, checked: threads.every(({ thread_category_ids }) => thread_category_ids.includes(id)) }))}
        pick={(id) => {
          const root = offered.find((one) => one.id === id)?.root;
          const siblings = root?.multiple ? [] : offered.filter((one) => one.root.id === root?.id).map((one) => one.id);
          void categoriseMany(threads, id, siblings);
          done();
        }}
      />
      <IconButton icon="archive" label={t('archive')} keys="I" onClick={() => all(archive)} />
      {mayResolve && <IconButton icon="check" label={t('resolve')} keys="F" onClick={() => all(resolve)} />}
    </div>
  );
};

