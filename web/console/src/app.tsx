// The whole: who is not signed in signs in, everybody else sees the inbox.

import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, memo, Suspense, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { settle } from './actions.ts';
import { client, useCount } from './data.ts';
import { Conversation } from './conversation/conversation.tsx';
import { saveAll } from './conversation/drafts.ts';
import { OWN } from './inbox/folders.ts';
import { Folders as FoldersView } from './inbox/folders-view.tsx';
import { List } from './inbox/list.tsx';
import { Lead, tell } from './embed.tsx';
import { useKeys } from './keyboard.ts';
import { t, useLanguage } from './language/index.ts';
import { follow, useConnection } from './live.ts';
import { Rights } from './rights.tsx';
import { go, piecesOf, useAddress, useRoute } from './routes.ts';
import { beforeSignOut, look, onSession, useSession } from './session.ts';
import { useFont } from './screen.ts';
import { SignIn } from './sign-in.tsx';
import { Button, Empty } from './ui/pieces.tsx';
import { Ringing } from './tasks/tasks.tsx';
import { useWaiting } from './title.ts';
import { Toasts, undoLatest } from './ui/toasts.tsx';

const Folders = memo(FoldersView);
const Admin = lazy(() => import('./admin/admin.tsx'));
const Security = lazy(() => import('./security/security.tsx'));
const Palette = lazy(() => import('./palette.tsx'));
const Begin = lazy(() => import('./conversation/begin.tsx'));
const Help = lazy(() => import('./help.tsx'));

// Nothing of the one who was here before is left to the next. Before anything is drawn.
onSession(() => client.clear());
// What was done and waits is done in the name of who did it, and what they have written is kept for them.
beforeSignOut(async () => {
  await settle();
  await saveAll();
});

export const App = () => {
  useLanguage();
  const session = useSession();
  const isIn = session.kind === 'in';
  useEffect(() => void look(), []);
  useEffect(() => {
    if (!isIn) return;
    const end = follow();
    return () => {
      end();
      tell('user:disconnected');
    };
  }, [isIn]);
  if (session.kind === 'unknown') return null;
  if (!isIn) return <SignIn why={session.why} />;
  return (
    <QueryClientProvider client={client}>
      <Rights>
        <Desk />
      </Rights>
      <Toasts />
    </QueryClientProvider>
  );
};

const Desk = () => {
  const route = useRoute();
  useFont();
  useWaiting(useCount(OWN[0]!.query).data ?? 0);
  const [open, setOpen] = useState<'palette' | 'help' | 'folders' | 'begin'>();
  // The same every time, and behind what one looks at: the folders are drawn when the conversation is there.
  const opens = useMemo(() => ({ close: () => setOpen(undefined), palette: () => setOpen('palette'), help: () => setOpen('help'), begin: () => setOpen('begin'), menu: () => setOpen('folders') }), []);
  const { close, palette, help, begin, menu } = opens;
  const folder = useDeferredValue(route);
  useKeys({
    'Ctrl K': palette,
    '?': help,
    W: begin,
    Z: undoLatest,
  });
  useEffect(() => {
    if (/^\/(login)?$/.test(location.pathname)) go({}, true);
  }, []);
  const address = useAddress();
  const own = piecesOf(location.pathname) && /^\/(admin|account|supervision)(\/|\?|$)/.exec(address)?.[1];
  const dialogs = (
    <Suspense>
      {open === 'palette' && <Palette close={close} help={help} begin={begin} />}
      {open === 'help' && <Help close={close} />}
      {open === 'begin' && <Begin close={close} />}
    </Suspense>
  );
  if (own) {
    return (
      <>
        <Suspense>{own === 'account' ? <Security /> : <Admin palette={palette} />}</Suspense>
        {dialogs}
      </>
    );
  }
  if (!route) {
    return (
      <main className="page">
        <Empty title={t('nothing_here')} lead={t('nothing_here_lead')}>
          <Button look="main" onClick={() => go({ folder: 'waiting', thread: undefined, q: '' })}>
            {t('to_inbox')}
          </Button>
        </Empty>
      </main>
    );
  }
  return (
    <div className={route.thread || route.lead ? 'desk reads' : 'desk'} data-view={route.view} data-folders={open === 'folders' || undefined}>
      {folder && folder.view !== 'permalink' && <Folders folder={folder.folder} close={close} palette={palette} help={help} />}
      {open === 'folders' && <div className="veil" onClick={close} />}
      {route.view !== 'permalink' && <List route={route} menu={menu} begin={begin} />}
      <main className="stage">
        <Lost />
        <Ringing />
        {route.lead ? <Lead to={route.lead} /> : route.thread ? <Conversation key={route.thread} id={route.thread} route={route} /> : <Choose />}
      </main>
      {dialogs}
    </div>
  );
};

const Choose = () => <Empty title={t('choose')} lead={t('choose_lead')} />;

/** Only once it lasts: a moment without the stream is nothing to speak of. */
const Lost = () => {
  const lost = useConnection() === 'lost';
  const [shown, show] = useState(false);
  useEffect(() => {
    if (!lost) return show(false);
    const timer = setTimeout(() => show(true), 1_500);
    return () => clearTimeout(timer);
  }, [lost]);
  return shown ? (
    <p className="lost" role="status">
      {t('reconnecting')}
    </p>
  ) : null;
};
