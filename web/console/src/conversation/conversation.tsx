// One thread: what was said and noted, what can be done with it, and who the customer is.

import { startTransition, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { wordsOf } from '../inbox/found.ts';
import { useHits } from '../inbox/hits.ts';
import { Refusal } from '../api/client.ts';
import type { Comment, Content, Id, Thread, Visited } from '../api/types.ts';
import { Card } from '../customer/card.tsx';
import { CONTENTS, useComments, useContents, useIdentities, useInterventions, useSources, useThread, useVisited } from '../data.ts';
import { tell } from '../embed.tsx';
import { type Key, t } from '../language/index.ts';
import { useTyping } from '../live.ts';
import { customerName, useSource, useUserName } from '../names.ts';
import { useKeys } from '../keyboard.ts';
import { go, type Route } from '../routes.ts';
import { useScreen } from '../screen.ts';
import { clock, day } from '../time.ts';
import { Avatar, Button, Empty, Failed, IconButton, Skeleton } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { Actions } from './actions-view.tsx';
import { Composer } from './composer.tsx';
import { useColleagues, useHere } from './colleagues.ts';
import { Message, Note } from './message.tsx';
import { useOutgoing } from './outgoing.ts';
import { local } from '../storage.ts';
import { useTitle } from '../title.ts';

/** Nearer to the end than this, what comes is followed. */
const NEAR_END_PX = 80;
/** A message that a search has found is looked for among so many of the latest. */
const LOOKED_THROUGH_MAX = 1_200;
const CARD = 'frontdesk.card';

export const Conversation = ({ id, route }: { id: Id; route: Route }) => {
  const asked = useThread(id);
  const [card, showCard] = useState(() => local.getItem(CARD) !== 'off' && innerWidth > 1180);
  const settled = useSettled();
  const toggleCard = () => {
    local.setItem(CARD, card ? 'off' : 'on');
    const shown = asked.data;
    if (!card && shown?.customer) tell('identity:show', { id: shown.customer.id, threadId: shown.id, interventionId: shown.intervention?.id ?? null, taskID: null });
    showCard(!card);
  };
  if (asked.error && (!asked.data || (asked.error instanceof Refusal && asked.error.status === 404))) {
    if (asked.error instanceof Refusal && asked.error.status === 404) {
      return (
        <Empty title={t('nothing_here')} lead={t('nothing_here_lead')}>
          <Button onClick={() => go({ thread: undefined })}>{t('back')}</Button>
        </Empty>
      );
    }
    return <Failed message={words(asked.error)} again={() => void asked.refetch()} />;
  }
  const thread = asked.data;
  return (
    <div className={card ? 'conversation with-card' : 'conversation'}>
      <article className="talk" aria-label={t('conversation')}>
        {thread ? <Talk thread={thread} route={route} card={card} toggleCard={toggleCard} /> : <Loading />}
      </article>
      {thread && card && (settled ? <Card thread={thread} close={toggleCard} /> : <aside className="card" />)}
    </div>
  );
};

const NOTICES = ['connection', 'disconnection', 'impossible', 'thread_closure', 'request_email'];

/** What happened beside the words: who came and went, and which pages were looked at. */
function records(visited: Visited | undefined, customer: string, userName: (id: Id) => string): { at: string; line: string }[] {
  if (!visited) return [];
  const pages = visited.pages.map(({ url, title, at }) => ({ at, line: t('visited_page', { page: title || url }) }));
  const notices = visited.notices.filter(({ notice }) => NOTICES.includes(notice)).map(({ notice, user_id, at }) => ({ at, line: t(`notice_${notice}` as Key, { name: user_id ? userName(user_id) : customer }) }));
  return [...pages, ...notices];
}

/** What one reads is drawn first, what is beside it in the next frame. */
function useSettled(): boolean {
  const [settled, settle] = useState(false);
  useEffect(() => {
    const frame = requestAnimationFrame(() => startTransition(() => settle(true)));
    return () => cancelAnimationFrame(frame);
  }, []);
  return settled;
}

type Entry = { at: string; key: Id } & ({ content: Content } | { comment: Comment } | { line: string });

const Talk = ({ thread, route, card, toggleCard }: { thread: Thread; route: Route; card: boolean; toggleCard: () => void }) => {
  const [limit, setLimit] = useState(CONTENTS);
  const asked = useContents(thread.id, limit);
  const interventions = useInterventions(thread.id);
  const comments = useComments(thread.id);
  const source = useSource(thread.source_id);
  const typing = useTyping(thread.id);
  useHere(thread.id);
  const last = thread.last_content?.id;
  useEffect(() => tell('content_thread:selected', { id: thread.id, lastContentId: last ?? null, firstIdentityId: thread.customer?.id ?? null }), [thread.id]);
  const outgoing = useOutgoing(thread.id);
  const visited = useVisited(thread, useSources());
  const userName = useUserName();
  const [mode, setMode] = useState<'reply' | 'comment'>('reply');
  const composer = useRef<HTMLTextAreaElement>(null);
  const contents = asked.data?.contents ?? [];
  const authors = useIdentities([...new Set(contents.flatMap(({ author_id, creator_id }) => (author_id && !creator_id ? [author_id] : [])))]);
  const name = customerName(thread);
  useTitle(thread.title ? `${thread.title} – ${name}` : name);

  const first = contents[0]?.created_at ?? '';
  const entries: Entry[] = [
    ...contents.map((content) => ({ at: content.created_at, key: content.id, content })),
    // A comment on what is not shown yet is shown with it.
    ...(comments ?? []).filter(({ created_at }) => !asked.data?.hasOlder || created_at >= first).map((comment) => ({ at: comment.created_at, key: comment.id, comment })),
    ...records(visited, name, userName)
      .filter(({ at }) => !asked.data?.hasOlder || at >= first)
      .map((record) => ({ ...record, key: `${record.at} ${record.line}` })),
  ].sort((a, b) => (a.at === b.at ? (a.key < b.key ? -1 : 1) : a.at < b.at ? -1 : 1));

  const write = (wanted: 'reply' | 'comment') => {
    // At once: the next letter belongs into the field already.
    flushSync(() => setMode(wanted));
    composer.current?.focus();
  };
  useKeys({ R: () => write('reply'), C: () => write('comment') });

  // The end is where one reads on, if the account wants that; who reads further up stays there.
  const screen = useScreen();
  const follows = screen?.enable_auto_scroll_down;
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [isAway, setAway] = useState(false);
  const height = useRef(0);
  const toEnd = () => {
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
  };
  const latest = entries.at(-1)?.key;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    if (atEnd.current && follows) toEnd();
    else if (follows === false) look();
    height.current = element.scrollHeight;
  }, [latest, outgoing.length, typing === undefined, entries.length, follows]);
  // One's own words are followed in any case.
  useLayoutEffect(() => {
    if (outgoing.length) toEnd();
  }, [outgoing.length]);
  const look = () => {
    const element = scroller.current;
    if (!element) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
    setAway(!atEnd.current);
  };
  // What a search has found is looked at first, however far up it is.
  const sought = useMemo(() => (route.folder === 'search' ? wordsOf(route.q) : []), [route.folder, route.q]);
  const hit = useHits(sought, [[{ id: thread.id }]]).get(thread.id)?.id;
  const shownHit = useRef<Id>(undefined);
  useLayoutEffect(() => {
    if (!hit || shownHit.current === hit || !asked.data || asked.isPlaceholderData) return;
    const found = scroller.current?.querySelector('[data-hit]');
    if (!found) {
      if (asked.data.hasOlder && limit < LOOKED_THROUGH_MAX) setLimit(limit + CONTENTS);
      return;
    }
    shownHit.current = hit;
    found.scrollIntoView({ block: 'center' });
    look();
  }, [hit, contents.length, limit]);
  // Earlier ones come in above what one looks at.
  const before = useRef<string>(undefined);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && before.current && first < before.current && !atEnd.current) element.scrollTop += element.scrollHeight - height.current;
    before.current = first;
    if (element) height.current = element.scrollHeight;
  }, [first]);
  // Letters and pictures grow when they have loaded.
  useEffect(() => {
    const [element, inside] = [scroller.current, scroller.current?.firstElementChild];
    if (!element || !inside) return;
    const watch = new ResizeObserver(() => {
      if (atEnd.current && follows) toEnd();
    });
    watch.observe(inside);
    watch.observe(element);
    return () => watch.disconnect();
  }, [follows]);

  let lastDay = '';
  const draw = (entry: Entry, index: number) => {
    const today = new Date(entry.at).toDateString();
    const heading = today !== lastDay && day(entry.at);
    lastDay = today;
    const previous = entries[index - 1];
    return (
      <div key={entry.key} className="entry">
        {heading && (
          <h3 className="day">
            <span>{heading}</span>
          </h3>
        )}
        {'content' in entry ? (
          <Message
            content={entry.content}
            words={sought}
            isHit={entry.content.id === hit}
            screen={screen}
            thread={thread}
            author={entry.content.author_id ? authors.get(entry.content.author_id) : undefined}
            follows={!heading && !!previous && 'content' in previous && sameSender(previous.content, entry.content)}
          />
        ) : 'comment' in entry ? (
          <Note comment={entry.comment} />
        ) : (
          <p className="record">
            {entry.line} <time dateTime={entry.at}>{clock(entry.at)}</time>
          </p>
        )}
      </div>
    );
  };
  // Archived messages in a row are one line, unless the account wants them all.
  const drawn: React.ReactNode[] = [];
  const isFolded = (entry: Entry | undefined) => !!screen?.fold_useless_contents && !!entry && 'content' in entry && entry.content.status === 'ignored';
  for (let index = 0; index < entries.length; ) {
    const from = index;
    const row: React.ReactNode[] = [];
    do row.push(draw(entries[index]!, index));
    while (isFolded(entries[index++]) && isFolded(entries[index]));
    const isHere = entries.slice(from, index).some(({ key }) => key === hit);
    if (!isFolded(entries[from])) drawn.push(...row);
    else {
      // What follows needs its day again: that of what is folded is folded with it.
      lastDay = '';
      drawn.push(
        <details key={`folded ${entries[from]!.key}`} className="archived" open={isHere || undefined}>
          <summary>{t('archived_folded', { count: row.length })}</summary>
          {row}
        </details>,
      );
    }
  }
  return (
    <>
      <header className="talk-head">
        {route.view !== 'permalink' && <IconButton className="narrow-only" icon="back" label={t('back')} keys="Esc" onClick={() => go({ thread: undefined })} />}
        <div className="talk-title">
          <h2>{thread.title || name}</h2>
          <p>
            {thread.title && <span>{name}</span>}
            {source && (
              <span className="fact">
                <i style={{ background: source.color_hex }} />
                <span>{source.name}</span>
              </span>
            )}
          </p>
        </div>
        <Readers thread={thread.id} />
        <Actions thread={thread} interventions={interventions} route={route} />
        <IconButton icon="side" label={t('hide_customer')} aria-pressed={card} onClick={toggleCard} />
      </header>
      <div
        className="talk-scroll"
        ref={scroller}
        tabIndex={0}
        role="log"
        aria-label={t('conversation')}
        onScroll={look}
      >
        <div className="talk-entries">
          {asked.error && !asked.data && <Failed message={words(asked.error)} again={() => void asked.refetch()} />}
          {!asked.data && !asked.error && <LoadingEntries />}
          {asked.data?.hasOlder && (
            <Button look="quiet" className="older" disabled={asked.isPlaceholderData} onClick={() => setLimit(limit + CONTENTS)}>
              {t('older')}
            </Button>
          )}
          {drawn}
          {outgoing.map((sending) => (
            <div key={sending.key} className="message ours" data-outgoing>
              <div className="bubble">
                <p className="text">{sending.html ? sending.body.replace(/<[^>]+>/g, ' ') : sending.body}</p>
                {sending.structured && <p className="faint">{t('structured')}</p>}
              </div>
              <p className="message-foot">
                <span>{sending.state === 'waiting' ? t('sends_in', { count: sending.seconds }) : t(sending.state === 'stuck' ? 'send_stuck' : 'sending')}</span>
                {sending.state !== 'sending' && (
                  <button type="button" className="link" onClick={sending.undo}>
                    {t('undo')}
                  </button>
                )}
              </p>
            </div>
          ))}
          {typing !== undefined && (
            <div className="typing" role="status">
              <span className="dots" aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              <span>{t('customer_types', { name })}</span>
              {typing && <q>{typing}</q>}
            </div>
          )}
        </div>
      </div>
      {isAway && (
        <Button className="to-end" icon="down" onClick={toEnd}>
          {t('to_latest')}
        </Button>
      )}
      <Composer thread={thread} contents={contents} authors={authors} interventions={interventions} mode={mode} setMode={setMode} field={composer} route={route} />
    </>
  );
};

/** Colleagues who have this conversation on their screens. */
const Readers = ({ thread }: { thread: Id }) => {
  const userName = useUserName();
  const colleagues = useColleagues(thread);
  return (
    <ul className="readers" aria-label={t('readers')} hidden={!colleagues.length}>
      {colleagues.map(({ id, writes }) => {
        const name = userName(id);
        const said = t(writes ? 'colleague_writes' : 'colleague_reads', { name });
        return (
          <li key={id} title={said} data-writes={writes || undefined}>
            <Avatar name={name} size="s" />
            <span className="unseen">{said}</span>
          </li>
        );
      })}
    </ul>
  );
};

/** Written in one go: the second one needs no name. */
const GO_MS_MAX = 5 * 60_000;
const sameSender = (a: Content, b: Content): boolean =>
  a.author_id === b.author_id && a.creator_id === b.creator_id && Date.parse(b.created_at) - Date.parse(a.created_at) < GO_MS_MAX;

const Loading = () => (
  <>
    <header className="talk-head">
      <div className="talk-title">
        <Skeleton width="12rem" />
      </div>
    </header>
    <div className="talk-scroll">
      <div className="talk-entries">
        <LoadingEntries />
      </div>
    </div>
  </>
);

const LoadingEntries = () => (
  <>
    {[62, 48, 55].map((width, index) => (
      <div key={width} className={index === 1 ? 'message ours' : 'message'} aria-hidden="true">
        <span className="skeleton block" style={{ width: `${width}%` }} />
      </div>
    ))}
  </>
);

