// Where everything is set up. Loaded when it is opened; each part is shown to whom the server would let in.

import './admin.css';
import { lazy, Suspense, useState } from 'react';
import { destroy, post, put, Refusal } from '../api/client.ts';
import { t } from '../language/index.ts';
import { usePermissions } from '../rights.tsx';
import { go, piecesOf, useAddress, visit } from '../routes.ts';
import { onSession } from '../session.ts';
import { useTitle } from '../title.ts';
import { Icon } from '../ui/icon.tsx';
import { Button, Empty, Failed, IconButton, Skeleton } from '../ui/pieces.tsx';
import { complain, say, words } from '../ui/toasts.tsx';
import { changed, readOne, refersTo, useNames, useRecord } from './data.ts';
import { keep } from './edits.ts';
import { Form } from './form.tsx';
import { CHAT_RIGHTS } from './chat.ts';
import { type Kind, kindOf, likeness, type Made, wordOf } from './kinds.ts';
import { Link, List } from './list.tsx';
import { Once } from './once.tsx';
import { type Section, SECTIONS } from './sections.ts';
import { type Word, w } from './words/index.ts';

const Settings = lazy(() => import('./settings.tsx'));
const SingleSignOn = lazy(() => import('./single-sign-on.tsx'));
const Tasks = lazy(() => import('./supervision.tsx'));
const AgentView = lazy(() => import('./supervision.tsx').then(({ AgentView }) => ({ default: AgentView })));
const Journal = lazy(() => import('./journal.tsx'));
const ChatSettings = lazy(() => import('./chat-settings.tsx'));

const Admin = ({ palette }: { palette: () => void }) => {
  const [path = '', search = ''] = useAddress().split('?');
  const [area, ...pieces] = piecesOf(path) ?? [];
  // Other sites show /supervision/users/{id} within theirs.
  const [key = '', id, ...rest] = area === 'supervision' ? [area, ...pieces.slice(1)] : pieces;
  const isBare = new URLSearchParams(search).get('view')?.split(',').includes('no-header');
  const may = usePermissions();
  const [menu, setMenu] = useState(false);
  if (!may) return null;
  const sections = SECTIONS.filter(({ reads }) => may(...reads));
  const section = sections.find((one) => one.key === key);
  const kind = section && kindOf(section.key);
  // What is below one of them, such as /admin/sources/{id}/triggers.
  const [part, partId, ...tooMuch] = rest;
  const below = part && !tooMuch.length ? kindOf(`${key}/${id}/${part}`) : undefined;
  return (
    <div className="admin" data-menu={menu || undefined} data-bare={isBare || undefined}>
      <nav className="folders" aria-label={w('admin')}>
        <header>
          <IconButton icon="back" label={w('to_inbox')} onClick={() => go({})} />
          <span className="brand">{w('admin')}</span>
          <IconButton icon="search" label="Ctrl K" onClick={palette} />
        </header>
        <div className="folders-scroll">
          {[...new Set(sections.map(({ group }) => group))].map((group) => (
            <div key={group}>
              <h2>{w(group)}</h2>
              <ul>
                {sections
                  .filter((one) => one.group === group)
                  .map((one) => (
                    <li key={one.key}>
                      <Link to={`/admin/${one.key}`} className="folder" aria-current={one.key === key ? 'page' : undefined} onClick={() => setMenu(false)}>
                        <Icon name={one.icon} />
                        <span className="folder-label">{w(one.key as Word)}</span>
                      </Link>
                    </li>
                  ))}
              </ul>
            </div>
          ))}
        </div>
      </nav>
      {menu && <div className="veil" onClick={() => setMenu(false)} />}
      <main className="admin-page">
        <Suspense>
          {section && kind && !rest.length ? (
            <Page key={`${kind.key} ${id}`} kind={kind} id={id} search={search} may={may} menu={() => setMenu(true)} />
          ) : section && below && may(...below.reads) ? (
            <Page key={`${below.key} ${partId}`} kind={below} id={partId} search={search} may={may} menu={() => setMenu(true)} />
          ) : key === 'sources' && id && part === 'messaging' && !partId && may(...CHAT_RIGHTS) ? (
            <>
              <Head title={w('messaging')} back={`/admin/sources/${id}`} menu={() => setMenu(true)} />
              <ChatSettings source={id} />
            </>
          ) : section?.key === 'supervision' && id && !rest.length ? (
            <Watched id={id} search={search} path={path} menu={() => setMenu(true)} />
          ) : section && !id ? (
            <>
              <Head title={w(section.key as Word)} menu={() => setMenu(true)} />
              {key === 'settings' ? <Settings /> : key === 'single_sign_on' ? <SingleSignOn /> : key === 'supervision' ? <Tasks search={search} /> : <Journal search={search} />}
            </>
          ) : (
            <>
              <Head title={w('admin')} menu={() => setMenu(true)} />
              {sections.length ? <Overview sections={sections} /> : <Empty title={w('nothing_allowed')} lead={w('nothing_allowed_lead')} />}
            </>
          )}
        </Suspense>
      </main>
    </div>
  );
};

/** `within`: what it is one of, for the browser's tab. */
const Head = ({ title, within, back, menu, children }: { title: string; within?: string; back?: string | undefined; menu: () => void; children?: React.ReactNode }) => {
  useTitle(within ? `${title} · ${within}` : title);
  return (
    <header className="admin-head">
      <IconButton icon="menu" label={w('admin')} className="menu" onClick={menu} />
      {back && <IconButton icon="back" label={w('choose_section')} onClick={() => visit(back)} />}
      <h1 dir="auto">{title}</h1>
      {children}
    </header>
  );
};

/** An agent whom somebody watches over. */
const Watched = ({ id, search, path, menu }: { id: string; search: string; path: string; menu: () => void }) => {
  const names = useNames(['users']);
  return (
    <>
      <Head title={names.of('users', id)} within={w('supervision')} back="/admin/supervision" menu={menu} />
      <AgentView id={id} search={search} path={path} />
    </>
  );
};

/** What there is to set up, for who comes for the first time. */
const Overview = ({ sections }: { sections: Section[] }) => (
  <div className="overview">
    {sections.map(({ key, icon }) => (
      <Link key={key} to={`/admin/${key}`} className="overview-one">
        <Icon name={icon} size={20} />
        <strong>{w(key as Word)}</strong>
        <span>{w(`${key}_lead` as Word)}</span>
      </Link>
    ))}
  </div>
);

const Page = ({ kind, id, search, may, menu }: { kind: Kind; id: string | undefined; search: string; may: (...any: string[]) => boolean; menu: () => void }) => {
  const here = `/admin/${kind.key}`;
  const mayMake = !!kind.makes && may(...kind.makes);
  const mayChange = !!kind.changes && may(...kind.changes);
  if (!id) {
    return (
      <>
        <Head title={w(wordOf(kind) as Word)} back={kind.above} menu={menu}>
          {mayMake && (
            <Button look="main" icon="plus" onClick={() => visit(`${here}/new`)}>
              {w(kind.verb ?? 'new')}
            </Button>
          )}
        </Head>
        <List kind={kind} mayMake={mayMake} mayChange={mayChange} at={new URLSearchParams(search)} />
      </>
    );
  }
  return id === 'new' ? <Making kind={kind} at={new URLSearchParams(search)} menu={menu} /> : <One kind={kind} id={id} mayMake={mayMake} mayChange={mayChange} menu={menu} />;
};

/** Shown once, on the page of what was made. */
const secrets = new Map<string, string>();
onSession(() => secrets.clear());

/** What the address says goes first, such as below which category the new one is; then what that has which it is to be like. */
const Making = ({ kind, at, menu }: { kind: Kind; at: URLSearchParams; menu: () => void }) => {
  const like = (kind.copies && at.get('like')) || undefined;
  const model = useRecord(kind, like).data;
  const fresh = { ...kind.fresh, ...(model && likeness(kind, model)), ...Object.fromEntries([...at].filter(([name]) => kind.fields.some((field) => field.name === name))) };
  const names = useNames(refersTo(kind));
  const here = `/admin/${kind.key}`;
  const place = `${kind.key}/new${like ? `?like=${like}` : ''}`;
  const SetUp = kind.setUp;
  const done = (record: Made) => {
    if (kind.secret && record[kind.secret]) secrets.set(record.id, record[kind.secret]);
    void changed(kind);
    say(kind.made ? w(kind.made, { name: kind.named(record) }) : w('created'));
    visit(`${here}/${record.id}`, true);
  };
  return (
    <>
      <Head title={t('named', { name: w('new'), value: w(kind.one) })} back={here} menu={menu} />
      {SetUp ? (
        <SetUp done={done} />
      ) : like && !model ? (
        <div className="admin-wait" aria-busy="true">
          <Skeleton width="40%" />
        </div>
      ) : (
        <Form
          place={place}
          record={{ id: '', ...fresh }}
          isNew
          beside={kind.beside}
          fields={kind.fields}
          names={names}
          verb={kind.verb ?? 'create'}
          save={async (edits) => {
            const all = { ...fresh, ...edits };
            const given = kind.sent?.(all) ?? all;
            const record = await post<Made>(`${kind.creates?.(given) ?? kind.path}?extended=true`, given);
            keep(place, undefined);
            done(record);
          }}
        />
      )}
    </>
  );
};

const One = ({ kind, id, mayMake, mayChange, menu }: { kind: Kind; id: string; mayMake: boolean; mayChange: boolean; menu: () => void }) => {
  const { data: record, error, refetch } = useRecord(kind, id);
  const names = useNames(refersTo(kind));
  const { first: First, more: More } = kind;
  const [asks, setAsks] = useState(false);
  const [heir, setHeir] = useState('');
  const here = `/admin/${kind.key}`;
  if (error && !record) {
    const isGone = error instanceof Refusal && error.status === 404;
    return (
      <>
        <Head title={w(kind.one)} back={here} menu={menu} />
        {isGone ? <Empty title={w('not_there')} lead={w('not_there_lead')} /> : <Failed message={words(error)} again={() => void refetch()} />}
      </>
    );
  }
  if (!record) {
    return (
      <>
        <Head title={w(kind.one)} back={here} menu={menu} />
        <div className="admin-wait" aria-busy="true">
          <Skeleton width="40%" />
          <Skeleton width="70%" />
        </div>
      </>
    );
  }
  const name = kind.named(record);
  const remove = () =>
    destroy(`${kind.path}/${id}${heir && `?${kind.heir}=${heir}`}`)
      .then(() => {
        keep(`${kind.key}/${id}`, undefined);
        visit(here, true);
        void changed(kind);
        say(w('removed'));
      })
      .catch(complain);
  const secret = secrets.get(id);
  return (
    <>
      <Head title={name} within={w(wordOf(kind) as Word)} back={here} menu={menu}>
        {kind.copies && mayMake && <Button onClick={() => visit(`${here}/new?like=${id}`)}>{w('duplicate')}</Button>}
      </Head>
      {secret && <Once text={secret} label={w(kind.one)} />}
      {First && (
        <Suspense>
          <First record={record} mayChange={mayChange} />
        </Suspense>
      )}
      <Form
        place={`${kind.key}/${id}`}
        record={record}
        isNew={false}
        fields={kind.fields}
        names={names}
        fixed={!mayChange || !!kind.fixed?.(record)}
        beside={kind.beside}
        again={() => readOne(kind, id)}
        save={async (edits) => {
          await put(`${kind.path}/${id}`, kind.sent?.(edits) ?? edits);
          await changed(kind);
        }}
      >
        {kind.removes && !asks && (
          <Button look="quiet" className="danger" onClick={() => setAsks(true)}>
            {w('remove')}
          </Button>
        )}
        {asks && (
          <span className="really" role="alertdialog" aria-label={w('really_remove', { name })}>
            <span>{w('really_remove', { name })}</span>
            {kind.heir && (
              <label className="beside">
                <span>{w('heir')}</span>
                <select value={heir} onChange={(event) => setHeir(event.target.value)}>
                  <option value="">{w('heir_none')}</option>
                  {names
                    .all(kind.key)
                    .filter((one) => one.id !== id)
                    .map((one) => (
                      <option key={one.id} value={one.id}>
                        {one.label}
                      </option>
                    ))}
                </select>
              </label>
            )}
            <Button autoFocus onClick={() => setAsks(false)}>
              {w('no')}
            </Button>
            <Button className="danger" onClick={remove}>
              {w('remove')}
            </Button>
          </span>
        )}
      </Form>
      {More && (
        <Suspense>
          <More record={record} />
        </Suspense>
      )}
    </>
  );
};

export default Admin;
