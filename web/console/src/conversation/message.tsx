// One content, on the side of whoever wrote it, and what became of it; a comment of a colleague.

import { Fragment, useEffect, useRef, useState } from 'react';
import { structured, type Structured } from '../../../ui/structured.ts';
import { destroy, get, post, put } from '../api/client.ts';
import type { Comment, Content, Id, Identity, Thread } from '../api/types.ts';
import { choosable, isCustomers, later } from '../actions.ts';
import { useChoosing } from '../choosing.ts';
import { Choice } from '../ui/choice.tsx';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { useUserName } from '../names.ts';
import { marked as found } from '../inbox/marked.tsx';
import { useMay, useMayOn } from '../rights.tsx';
import { directionOf, type Screen } from '../screen.ts';
import { useCategories, useUsers } from '../data.ts';
import { clock, moment, whole } from '../time.ts';
import { Icon } from '../ui/icon.tsx';
import { Avatar } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { Attached } from './attached.tsx';
import { isLetter, Letter } from './letter.tsx';
import { marked } from './mentions.tsx';

interface Props {
  content: Content;
  author: Identity | undefined;
  follows: boolean;
  thread: Thread;
  /** What was searched for, and whether this is what was found. */
  words: string[];
  isHit: boolean;
  screen: Screen | undefined;
}

export const Message = ({ content, author, follows, thread, words, isHit, screen }: Props) => {
  const userName = useUserName();
  const ours = !isCustomers(content);
  const name = content.creator_id ? userName(content.creator_id) : (author?.display_name ?? (ours ? t('colleague') : t('unknown_customer')));
  const letter = isLetter(content);
  const marks = [
    content.auto_submitted && t('automatic'),
    content.private_message && t('private'),
    !content.published && t('unpublished'),
  ].filter((mark) => mark !== false);
  const { rating } = content;
  const own = content.category_ids.filter((id) => !thread.category_ids.includes(id));
  return (
    <div className={ours ? 'message ours' : 'message'} data-follows={follows || undefined} data-wide={letter || undefined} data-status={content.status} data-hit={isHit || undefined} aria-label={t('message_from', { name, when: whole(content.created_at) })} role="article">
      {(!follows || marks.length > 0 || rating !== undefined) && (
        <p className="message-head">
          {!follows && (
            <>
              {!ours && <Avatar name={name} size="s" />}
              <span className="message-name">{name}</span>
              <time dateTime={content.created_at} title={whole(content.created_at)}>
                {clock(content.created_at)}
              </time>
            </>
          )}
          {rating !== undefined && <Stars count={rating} />}
          {marks.map((mark) => (
            <span key={mark} className="badge">
              {mark}
            </span>
          ))}
        </p>
      )}
      {(content.body || !content.attachments.length) && (
        <div className="bubble">
          {content.title && <p className="message-title">{content.title}</p>}
          {letter ? <Letter content={content} /> : <Body content={content} words={words} screen={screen} />}
        </div>
      )}
      {!!content.structured_content && <Shown content={content.structured_content as Structured} />}
      {!!content.structured_reply && <p className="chosen">{t('chose', { choice: chosen(content.structured_reply) })}</p>}
      {content.attachments.length > 0 && <Attached files={content.attachments} />}
      {(own.length > 0 || !!content.foreign_categories?.length) && <Sorted content={content} own={own} />}
      <Fate content={content} ours={ours} />
      <Menu content={content} ours={ours} />
    </div>
  );
};

/** So many quoted lines in a row say nothing new. */
const QUOTED_LINES_MIN = 3;
const QUOTED = new RegExp(`((?:^[ \\t]*>[^\\n]*(?:\\n|$)){${QUOTED_LINES_MIN},})`, 'm');

/** What a message says; where the account wants it, what it quotes at length is folded. */
const Body = ({ content, words, screen }: Pick<Props, 'content' | 'words' | 'screen'>) => {
  const dir = directionOf(content.language, screen);
  const text = content.body_formatted.text || content.body;
  const mark = words.length ? (piece: string) => found(piece, words) : undefined;
  if (!screen?.fold_useless_contents) return <Text text={text} dir={dir} mark={mark} />;
  return text.split(QUOTED).map((piece, at) => {
    if (!piece.trim()) return null;
    const shown = <Text key={at} text={piece.replace(/^\n+|\n+$/g, '')} dir={dir} mark={mark} />;
    if (at % 2 === 0) return shown;
    return (
      <details key={at} className="quoted">
        <summary>{t('quoted')}</summary>
        {shown}
      </details>
    );
  });
};

/** So many stars are the best that a review gives. */
const STARS_MAX = 5;

const Stars = ({ count }: { count: number }) => {
  const said = t('stars', { count, most: STARS_MAX });
  return (
    <span className="stars" role="img" aria-label={said} title={said}>
      {'★'.repeat(count)}
      <span>{'★'.repeat(Math.max(0, STARS_MAX - count))}</span>
    </span>
  );
};

/** What it is about, where that is not what the whole conversation is about: as colleagues say, and as its channel does. */
const Sorted = ({ content, own }: { content: Content; own: Id[] }) => {
  const categories = choosable(useCategories(), content.source_id).filter(({ id }) => own.includes(id));
  const names = [...categories.map(({ path }) => path), ...(content.foreign_categories ?? [])];
  return (
    <p className="message-sorted">
      {names.map((name) => (
        <span key={name} className="badge">
          {name}
        </span>
      ))}
    </p>
  );
};

/** What can be done with one message; what only its channel knows is among it. */
const Menu = ({ content, ours }: { content: Content; ours: boolean }) => {
  const [open, setOpen] = useState(false);
  const [sorting, setSorting] = useState(false);
  const custom = content.custom_actions ?? [];
  const channel = content.channel_actions ?? [];
  const busy = content.synchronization_status === 'export_pending';
  const [may, mayOn] = [useMay(), useMayOn(content.source_id)];
  const options = [
    ...(mayOn('reply') ? custom : []).map(({ name, label }) => ({ id: `custom:${name}`, label })),
    ...(!ours && content.status !== 'ignored' ? [{ id: 'ignore', label: t('archive_message') }] : []),
    ...(!busy && !content.published && may('publish_content') && channel.includes('publish') ? [{ id: 'publish', label: t('publish_message') }] : []),
    ...(!busy && content.published && may('publish_content') && channel.includes('unpublish') ? [{ id: 'unpublish', label: t('unpublish_message') }] : []),
    ...(!busy && mayOn('reply') && channel.includes('show') ? [{ id: 'refresh', label: t('refresh_message') }] : []),
    ...(ours ? [] : [{ id: 'categorise', label: t('categories') }]),
    ...(content.source_url ? [{ id: 'visit', label: t('see_at_channel') }] : []),
    { id: 'copy', label: t('copy_text') },
    ...(may('anonymize_identity') ? [{ id: 'anonymize', label: t('erase_message') }] : []),
    ...(!busy && mayOn('destroy') && channel.includes('delete') ? [{ id: 'delete', label: t('delete_message') }] : []),
  ];
  const pick = (id: string) => {
    if (id === 'copy') return void navigator.clipboard.writeText(content.body_formatted.text || content.body).then(() => say(t('copied')), complain);
    if (id === 'visit') return void window.open(content.source_url!, '_blank', 'noopener,noreferrer');
    if (id === 'categorise') return void setTimeout(() => setSorting(true));
    if (id === 'anonymize') {
      return void setTimeout(() => confirm(t('erase_message_sure')) && put(`/contents/${content.id}/anonymize`).then(() => touch(content.thread_id), complain));
    }
    if (id === 'delete') {
      // Nothing brings it back once its channel has heard of it.
      const it = later(() => destroy(`/contents/${content.id}`).then(() => touch(content.thread_id), complain));
      return void say(t('deletes_message'), { undo: it.cancel });
    }
    const asked = id.startsWith('custom:') ? post(`/contents/${content.id}/actions`, { name: id.slice('custom:'.length) }) : put(`/contents/${content.id}/${id}`);
    asked.then(() => touch(content.thread_id)).catch(complain);
  };
  return (
    <div className="message-menu" data-open={open || sorting || undefined}>
      {sorting ? <Sorting content={content} close={() => setSorting(false)} /> : <Choice icon="more" bare label={t('message_actions')} open={open} setOpen={setOpen} searched={false} options={options} pick={pick} />}
    </div>
  );
};

/** Categories of the message alone. */
const Sorting = ({ content, close }: { content: Content; close: () => void }) => {
  const offered = choosable(useCategories(), content.source_id).filter(({ root }) => !root.post_qualification);
  const path = `/contents/${content.id}`;
  const { held, toggle } = useChoosing({
    held: content.category_ids,
    offered,
    read: async () => (await get<Content>(path)).category_ids,
    write: (ids) => put(`${path}/update_categories`, { category_ids: ids }),
    again: () => touch(content.thread_id),
  });
  return <Choice icon="tag" bare many open setOpen={close} label={t('categories')} empty={t('no_categories')} options={offered.map(({ id, path }) => ({ id, label: path, checked: held.includes(id) }))} pick={toggle} />;
};

const chosen = (reply: unknown): string => {
  const payload = (reply as { payload?: unknown }).payload;
  return typeof payload === 'string' ? payload : JSON.stringify(reply);
};

/** What became of it, where that is worth a word. */
const Fate = ({ content, ours }: { content: Content; ours: boolean }) => {
  const { synchronization_status: status, synchronization_error: reason } = content;
  const again = () => {
    put(`/contents/${content.id}/export`)
      .then(() => touch(content.thread_id))
      .catch(complain);
  };
  const said = content.remotely_deleted
    ? t('deleted')
    : content.approval_required
      ? t('to_approve')
      : content.scheduled_at
        ? t('scheduled', { when: moment(content.scheduled_at) })
        : status === 'export_pending'
          ? !reason
            ? t('sending')
            : content.next_attempt_at && Date.parse(content.next_attempt_at) > Date.now()
              ? t('sends_again_at', { when: moment(content.next_attempt_at), reason })
              : t('sends_again', { reason })
          : status === 'success' && reason
            ? t('channel_refused', { reason })
          : ours && content.read_at
            ? t('read')
            : !ours && content.status === 'ignored'
              ? t('state_ignored')
              : undefined;
  if (status === 'export_failure' || status === 'export_aborted') {
    return (
      <p className="message-foot bad">
        <Icon name="alert" size={13} />
        <span title={reason ?? undefined}>{status === 'export_aborted' ? t('taken_back') : reason ? t('named', { name: t('not_sent'), value: reason }) : t('not_sent')}</span>
        <button type="button" className="link" onClick={again}>
          {t('send_again')}
        </button>
      </p>
    );
  }
  if (content.scheduled_at && !content.approval_required && status === 'export_pending') {
    const act = (asked: Promise<unknown>) => void asked.then(() => touch(content.thread_id)).catch(complain);
    return (
      <p className="message-foot">
        <span>{said}</span>
        <button type="button" className="link" onClick={() => act(put(`/contents/${content.id}`, { scheduled_at: '' }))}>
          {t('send_now')}
        </button>
        <button type="button" className="link" onClick={() => act(put(`/contents/${content.id}/withdraw`))}>
          {t('take_back')}
        </button>
      </p>
    );
  }
  if (content.approval_required && status === 'export_pending') return <Approval content={content} />;
  return said ? <p className="message-foot">{said}</p> : null;
};

/** Somebody else decides. */
const Approval = ({ content }: { content: Content }) => {
  const [refusing, setRefusing] = useState(false);
  const [may, mayOn] = [useMay(), useMayOn(content.source_id)];
  const decide = (how: 'approve' | 'reject', body: object) => {
    put(`/contents/${content.id}/${how}`, body)
      .then(() => touch(content.thread_id))
      .catch(complain);
  };
  if (!may('approve_content') || !mayOn('reply')) return <p className="message-foot">{t('to_approve')}</p>;
  if (refusing) {
    return (
      <form
        className="message-foot"
        onSubmit={(event) => {
          event.preventDefault();
          decide('reject', { reason: String(new FormData(event.currentTarget).get('reason') ?? '') });
          setRefusing(false);
        }}
      >
        <input name="reason" required maxLength={1000} autoFocus aria-label={t('reason')} placeholder={t('reason')} onKeyDown={(event) => event.key === 'Escape' && setRefusing(false)} />
        <button type="submit" className="link">
          {t('refuse_answer')}
        </button>
      </form>
    );
  }
  return (
    <p className="message-foot">
      <span>{t('to_approve')}</span>
      <button type="button" className="link" onClick={() => decide('approve', { updated_at: content.updated_at })}>
        {t('approve')}
      </button>
      <button type="button" className="link" onClick={() => setRefusing(true)}>
        {t('refuse_answer')}
      </button>
    </p>
  );
};

const LINK = /\bhttps?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'’]/g;

/** Plain words; addresses in them can be followed. */
export const Text = ({ text, dir = 'auto', mark = (words) => [words] }: { text: string; dir?: 'rtl' | 'auto'; mark?: ((words: string) => React.ReactNode[]) | undefined }) => {
  const pieces: React.ReactNode[] = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    pieces.push(
      <Fragment key={from}>{mark(text.slice(from, found.index))}</Fragment>,
      <a key={found.index} href={found[0]} target="_blank" rel="noopener noreferrer">
        {found[0]}
      </a>,
    );
    from = found.index + found[0].length;
  }
  pieces.push(<Fragment key="end">{mark(text.slice(from))}</Fragment>);
  return (
    <p className="text" dir={dir}>
      {pieces}
    </p>
  );
};

/** A structured message as the customer sees it; nothing in it does anything here. */
const Shown = ({ content }: { content: Structured }) => {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Buttons are shown, and are not to be pressed by an agent.
    const made = structured(content, { choose: () => {}, webview: (url) => void open(url, '_blank', 'noopener') });
    for (const button of made?.querySelectorAll('button') ?? []) button.disabled = true;
    place.current?.replaceChildren(...(made ? [made] : []));
  }, [content]);
  return <div className="structured" ref={place} />;
};

export const Note = ({ comment }: { comment: Comment }) => {
  const userName = useUserName();
  const users = useUsers();
  const name = userName(comment.user_id);
  return (
    <div className="note" role="article" aria-label={t('message_from', { name, when: whole(comment.created_at) })}>
      <p className="message-head">
        <Icon name="note" size={14} />
        <span className="message-name">{name}</span>
        <span className="badge">{t('internal')}</span>
        <time dateTime={comment.created_at} title={whole(comment.created_at)}>
          {clock(comment.created_at)}
        </time>
      </p>
      <Text text={comment.body} mark={(words) => marked(words, users)} />
    </div>
  );
};
