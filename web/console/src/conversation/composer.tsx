// Where people write: answers to the customer, and comments that only colleagues see.

import { lazy, type RefObject, Suspense, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { isCustomers, openOf, resolve, stays } from '../actions.ts';
import { post } from '../api/client.ts';
import type { Content, Id, Identity, Intervention, ReplySuggestion, Thread } from '../api/types.ts';
import { useSignatures, useVoices } from '../data.ts';
import { aboutIntervention, seconds, tell } from '../embed.tsx';
import { t } from '../language/index.ts';
import { timesWritten, touch } from '../live.ts';
import { customerName, useSource, useUserName } from '../names.ts';
import { useMay, useMayOn } from '../rights.tsx';
import type { Route } from '../routes.ts';
import { directionOf, useScreen } from '../screen.ts';
import { Choice } from '../ui/choice.tsx';
import { Icon } from '../ui/icon.tsx';
import { Moments } from '../ui/moments.tsx';
import { Button, IconButton } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { Assistant, unfilled, useShortcuts } from './assistant.tsx';
import { Attach, Attached, Chip, useAttaching } from './attaching.tsx';
import { useColleagues, writes } from './colleagues.ts';
import { replaced } from './completion.tsx';
import { decide, hold, leave, useDraft, useNote, write as writeDraft } from './drafts.ts';
import { Ending, useEndings } from './ending.tsx';
import { useMentions } from './mentions.tsx';
import { type Answer, send, sendAt } from './outgoing.ts';
import type { Made } from './structured-composer.tsx';

const loadRich = () => import('./rich.tsx');
const Rich = lazy(loadRich);
const StructuredComposer = lazy(() => import('./structured-composer.tsx'));

/** Milliseconds between two hints to the customer that somebody types; the server forgets one after six seconds. */
const TYPING_MS = 3_000;
const FIELD_PX_MAX = 260;

/** What its channel lets nobody answer is not answered. */
const mayAnswer = ({ channel_actions, remotely_deleted, unanswerable }: Content): boolean => !remotely_deleted && !unanswerable && (!channel_actions || channel_actions.includes('reply'));

interface Props {
  thread: Thread;
  contents: Content[];
  /** Who wrote them. */
  authors: Map<Id, Identity>;
  interventions: Intervention[] | undefined;
  mode: 'reply' | 'comment';
  setMode: (mode: 'reply' | 'comment') => void;
  field: RefObject<HTMLTextAreaElement | null>;
  route: Route;
}

export const Composer = ({ thread, contents, authors, interventions, mode, setMode, field }: Props) => {
  const draft = useDraft(thread.id);
  const [comment, setComment] = useNote(thread.id);
  const attaching = useAttaching(mode === 'reply', (reason) => void say(reason, { bad: true }));
  const { files, setFiles, isUploading, attach } = attaching;
  const [structured, setStructured] = useState<Made>();
  const [isPrivate, setPrivate] = useState(false);
  const [opened, setOpened] = useState<'assistant' | 'later' | 'signature' | 'structured' | 'voice'>();
  const [assisted, setAssisted] = useState<Id[]>([]);
  /** How it ended, as far as that is said; while it is asked. */
  const [ending, setEnding] = useState<Id[]>();
  const isAsking = useRef(false);
  const askEnding = (said: Id[] | undefined) => {
    isAsking.current = !!said;
    setEnding(said);
  };
  const endings = useEndings(thread.source_id);
  const [may, mayOn] = [useMay(), useMayOn(thread.source_id)];
  const toldTyping = useRef(0);
  const open = openOf(interventions);
  const theirs = contents.filter(isCustomers);
  const to = theirs.findLast(mayAnswer);
  const answers = to?.reply_options ?? { private: false, html: false, private_html: false };
  const mayHtml = isPrivate ? answers.private_html : answers.html;
  const isHtml = mode === 'reply' && draft.html && mayHtml;
  // A comment is in the language of colleagues, which nobody has told.
  const language = (mode === 'reply' && theirs.findLast((content) => content.language)?.language) || undefined;
  const screen = useScreen();
  const writing = { lang: language, dir: directionOf(language, screen), spellCheck: screen?.spellchecking ?? true };
  const text = mode === 'reply' ? draft.text : comment;
  const unanswerable = (): string | undefined => {
    if (!mayOn('reply')) return t('may_not_reply');
    if (thread.closed) return t('thread_closed');
    if (!contents.length || to) return;
    return theirs.at(-1)?.unanswerable ?? t(theirs.length ? 'channel_takes_no_answer' : 'no_answer_here');
  };
  const hindrance = mode === 'reply' ? unanswerable() : undefined;
  const source = useSource(thread.source_id);
  const voices = useVoices(source?.community_id);
  const [voice, setVoice] = useState<Id>();
  const own = useSignatures().filter(({ source_ids }) => !source_ids.length || source_ids.includes(thread.source_id));
  const signatures = [...own, ...(source?.signatures ?? []).map((one, at) => ({ ...one, id: `source-${at}` }))];

  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
      leave(thread.id);
    };
  }, [thread.id]);

  useLayoutEffect(() => {
    const element = field.current;
    if (!(element instanceof HTMLTextAreaElement)) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, FIELD_PX_MAX)}px`;
  }, [text, mode, field, isHtml]);

  const types = (now: boolean) => {
    if (now && Date.now() - toldTyping.current < TYPING_MS) return;
    if (!now && !toldTyping.current) return;
    toldTyping.current = now ? Date.now() : 0;
    // A hint: sources that know no typing refuse it, and nobody misses it.
    post(`/content_threads/${thread.id}/typing`, { typing: now }).catch(() => {});
  };
  const write = (written: string) => {
    if (mode === 'comment') return setComment(written);
    writeDraft(thread.id, written, draft.html && mayHtml);
    if (written) writes(thread.id);
    const { source_type } = contents.at(-1) ?? {};
    if (source_type === 'mobile_messaging' || source_type === 'chat') types(written !== '');
  };
  const mentions = useMentions({ field, text, write, on: mode === 'comment' });
  const assist = ({ version_id, attachments }: ReplySuggestion) => {
    setAssisted((now) => (now.includes(version_id) ? now : [...now, version_id]));
    setFiles((now) => [...now, ...attachments.filter(({ id }) => !now.some((file) => file.id === id))]);
  };
  /** Where the answer has form, a text takes the place of so many characters before the caret. */
  const insert = async (instead: number, body: string, html: string | null = null) => {
    const rich = await loadRich();
    if (field.current) rich.insert(field.current, instead, html ?? rich.asHtml(body));
  };
  const shortcuts = useShortcuts({ field, text, write, on: mode === 'reply' && !hindrance, thread, to, used: assist, insert: isHtml ? (instead, one) => void insert(instead, one.text, one.html) : undefined });
  const completion = mode === 'comment' ? mentions : shortcuts;

  const addComment = async () => {
    const body = comment.trim();
    if (!body || !open) return;
    setComment('');
    try {
      await post('/intervention_comments', { intervention_id: open.id, body });
      touch(thread.id);
    } catch (trouble) {
      setComment(body);
      complain(trouble);
    }
  };
  const nothing = !draft.text.trim() && !files.length && !structured;
  const give = (back: Answer) => {
    writeDraft(back.thread, back.body, back.html);
    if (!shown.current) return;
    setMode('reply');
    setFiles((now) => [...back.attachments, ...now]);
    setStructured((now) => now ?? back.structured);
    setPrivate(back.private);
    setVoice(back.author);
    setAssisted(back.assisted);
    field.current?.focus();
  };
  /** `close`: how it ends with this answer. */
  const submit = async ({ close, at }: { close?: Id[]; at?: Date } = {}) => {
    if (mode === 'comment') return addComment();
    if (nothing || !to || hindrance || isUploading) return;
    const blank = unfilled(draft.text);
    if (blank) {
      say(t('assistant_unfilled', { name: blank.name }), { bad: true });
      field.current?.focus();
      if (!isHtml) field.current?.setSelectionRange(blank.from, blank.to);
      else if (field.current) (await loadRich()).choose(field.current, blank.name);
      return;
    }
    if (close && endings.isMissing(close)) return askEnding(close);
    const body = draft.text.trim();
    // Written in HTML, and then nothing takes that any more: its words go.
    const plain = draft.html && !isHtml ? (await loadRich()).asText(body) : body;
    const answer: Answer = { thread: thread.id, to: to.id, body: plain, html: isHtml, private: isPrivate && answers.private, author: voice, attachments: files, structured, assisted };
    hold(thread.id);
    tell('content:reply', {
      inReplyToId: to.id,
      inReplyToAuthorId: to.author_id,
      threadId: thread.id,
      interventionId: open?.id ?? null,
      firstIdentityId: thread.customer?.id ?? null,
      sourceId: thread.source_id,
      lastUpdatedContentAt: seconds(contents.at(-1)?.updated_at),
    });
    setFiles([]);
    setStructured(undefined);
    setAssisted([]);
    types(false);
    if (at) return sendAt(answer, at, give);
    const before = timesWritten(thread.id);
    send(answer, give, ({ intervention_id: id }) => {
      // Under the answer that waited they wrote something else.
      if (close && timesWritten(thread.id) !== before) return stays(thread);
      // The answer may have opened it.
      if (close && id) void end(id, close).catch(complain);
    });
  };
  const end = async (id: Id, said: Id[]) => {
    await endings.save({ id, thread_id: thread.id }, open?.category_ids ?? [], said);
    tell('content:intervention_closed', aboutIntervention(thread, id));
    resolve([{ ...thread, intervention: { id, identity_id: '', user_id: null, deferred_at: null, closed_at: null } }]);
  };

  const toggleHtml = async () => {
    const { asHtml, asText } = await loadRich();
    writeDraft(thread.id, draft.html ? asText(draft.text) : asHtml(draft.text), !draft.html);
    setTimeout(() => field.current?.focus());
  };
  const sign = async (body: string) => {
    if (isHtml) write(`${draft.text}${(await loadRich()).asHtml(body)}`);
    else write(`${draft.text.trimEnd()}${draft.text.trim() ? '\n\n' : ''}${body}`);
    field.current?.focus();
  };
  const take = async (one: ReplySuggestion) => {
    assist(one);
    if (isHtml) return insert(0, one.body, one.body_html);
    const at = field.current?.selectionStart ?? text.length;
    const end = field.current?.selectionEnd ?? at;
    write(replaced(field.current, text, at, end, one.body));
    requestAnimationFrame(() => field.current?.focus());
  };
  const key = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing || completion.key(event)) return;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void submit(event.shiftKey ? { close: open?.category_ids ?? [] } : {});
    } else if (event.key === 'Escape') {
      event.preventDefault();
      (event.currentTarget as HTMLElement).blur();
    }
  };

  // Several people may write in one thread: whoever wrote what is answered gets it.
  const whom = (to?.author_id && to.author_id !== thread.customer?.id && authors.get(to.author_id)?.display_name) || customerName(thread);
  const label = mode === 'reply' ? t('reply_to', { name: whom }) : t('comment');
  const cannot = mode === 'comment' ? !comment.trim() : nothing || !to || isUploading;
  return (
    <footer
      className={`composer ${mode}`}
      data-over={attaching.isOver || undefined}
      {...attaching.place}
    >
      <Others thread={thread} />
      {mode === 'reply' && draft.other && (
        <p className="hint-line" role="status">
          <span>{t('draft_elsewhere')}</span>
          <button type="button" className="link" onClick={() => decide(thread.id, true)}>
            {t('draft_take')}
          </button>
          <button type="button" className="link" onClick={() => decide(thread.id, false)}>
            {t('draft_keep')}
          </button>
        </p>
      )}
      <div className="composer-tabs" role="tablist">
        {(['reply', 'comment'] as const).map((one) => (
          <button key={one} type="button" role="tab" aria-selected={mode === one} disabled={one === 'comment' && !open} title={one === 'comment' && !open ? t('comment_needs_owner') : undefined} onClick={() => setMode(one)}>
            {t(one)}
          </button>
        ))}
      </div>
      {hindrance ? (
        <p className="hindrance">
          <Icon name="lock" />
          {hindrance}
        </p>
      ) : (
        <div className="composer-box">
          {completion.list}
          {isHtml ? (
            <Suspense fallback={<div className="rich" />}>
              <Rich html={draft.text} write={write} label={label} field={field as RefObject<HTMLElement | null>} more={{ ...completion.props, ...writing }} onKeyDown={key} onFiles={(given) => void attach(given)} />
            </Suspense>
          ) : (
            <textarea
              ref={field}
              rows={2}
              value={text}
              {...writing}
              aria-label={label}
              placeholder={mode === 'reply' ? label : t('comment_placeholder')}
              {...completion.props}
              onChange={(event) => write(event.target.value)}
              onPaste={attaching.onPaste}
              onKeyDown={key}
            />
          )}
          {mode === 'reply' && (files.length > 0 || isUploading || structured) && (
            <ul className="composer-files">
              {structured && <Chip icon="grid" label={t('structured')} remove={() => setStructured(undefined)} />}
              <Attached {...attaching} />
            </ul>
          )}
          <div className="composer-foot">
            {mode === 'reply' && (
              <>
                <Attach attach={attach} />
                {mayHtml && <IconButton icon="letters" label={t('formatting')} aria-pressed={isHtml} onPointerEnter={() => void loadRich()} onClick={() => void toggleHtml()} />}
                {!!to?.capabilities_supported?.length && <IconButton icon="grid" label={t('structured')} onClick={() => setOpened('structured')} />}
                <Assistant thread={thread} to={to} open={opened === 'assistant'} setOpen={(is) => setOpened(is ? 'assistant' : undefined)} take={(one) => void take(one)} />
                {signatures.length > 0 && (
                  <Choice
                    icon="pen"
                    bare
                    label={t('signature')}
                    searched={signatures.length > 7}
                    open={opened === 'signature'}
                    setOpen={(is) => setOpened(is ? 'signature' : undefined)}
                    options={signatures.map(({ id, name, body, language }) => ({ id, label: name || body.split('\n')[0] || body, detail: language ?? undefined }))}
                    pick={(id) => void sign(signatures.find((one) => one.id === id)?.body ?? '')}
                  />
                )}
                {voices.length > 1 && (
                  <Choice
                    look="quiet"
                    label={t('write_as')}
                    searched={voices.length > 7}
                    open={opened === 'voice'}
                    setOpen={(is) => setOpened(is ? 'voice' : undefined)}
                    options={voices.map(({ id, display_name }) => ({ id, label: display_name ?? id }))}
                    pick={setVoice}
                  >
                    <span className="unseen">{t('write_as')} </span>
                    {voice ? (voices.find(({ id }) => id === voice)?.display_name ?? '…') : t('write_as')}
                  </Choice>
                )}
                {answers.private && (
                  <button type="button" className="link-toggle" aria-pressed={isPrivate} onClick={() => setPrivate(!isPrivate)}>
                    <Icon name="lock" size={14} />
                    <span>{t('private')}</span>
                  </button>
                )}
              </>
            )}
            <span className="grow">{attaching.isOver ? t('attach_drop') : ''}</span>
            {mode === 'reply' && may('delay_export_content') && (
              <Moments icon="clock" bare label={t('send_later')} disabled={cannot} open={opened === 'later'} setOpen={(is) => setOpened(is ? 'later' : undefined)} pick={(at) => void submit({ at })} />
            )}
            {mode === 'reply' && ending && (
              <Ending
                endings={endings}
                said={ending}
                // Once this list has closed: there may be another to ask.
                say={(said) => setTimeout(() => void submit({ close: said }))}
                close={() => {
                  askEnding(undefined);
                  setTimeout(() => isAsking.current || field.current?.focus());
                }}
              />
            )}
            <Button look="main" disabled={cannot} onClick={() => void submit()} title="Ctrl Enter">
              {mode === 'reply' ? t('send') : t('add_comment')}
            </Button>
          </div>
        </div>
      )}
      {opened === 'structured' && (
        <Suspense>
          <StructuredComposer takes={to?.capabilities_supported ?? []} done={setStructured} close={() => setOpened(undefined)} />
        </Suspense>
      )}
    </footer>
  );
};

/** Who writes here as well: two answers would be one too many. */
const Others = ({ thread }: { thread: Thread }) => {
  const userName = useUserName();
  const writing = useColleagues(thread.id).filter(({ writes }) => writes);
  if (!writing.length) return null;
  return (
    <p className="hint-line" role="status">
      <Icon name="pen" size={14} />
      <span>{t('colleague_writes', { name: writing.map(({ id }) => userName(id)).join(', ') })}</span>
    </p>
  );
};
