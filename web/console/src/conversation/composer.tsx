// Where people write: answers to the customer, and comments that only colleagues see.

import { type DragEvent, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { isCustomers, openOf, resolve } from '../actions.ts';
import { post } from '../api/client.ts';
import type { Attachment, Content, Intervention, Thread } from '../api/types.ts';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { customerName } from '../names.ts';
import type { Route } from '../routes.ts';
import { Icon } from '../ui/icon.tsx';
import { Button, IconButton } from '../ui/pieces.tsx';
import { complain } from '../ui/toasts.tsx';
import { draftOf, keepDraft, send } from './outgoing.ts';

/** Milliseconds between two hints to the customer that somebody types; the server forgets one after six seconds. */
const TYPING_MS = 3_000;
const FIELD_PX_MAX = 260;

interface Props {
  thread: Thread;
  contents: Content[];
  interventions: Intervention[] | undefined;
  mode: 'reply' | 'comment';
  setMode: (mode: 'reply' | 'comment') => void;
  field: RefObject<HTMLTextAreaElement | null>;
  route: Route;
}

export const Composer = ({ thread, contents, interventions, mode, setMode, field }: Props) => {
  const [answer, setAnswer] = useState(() => draftOf(thread.id));
  const [comment, setComment] = useState('');
  const [files, setFiles] = useState<Attachment[]>([]);
  const [uploading, setUploading] = useState(0);
  const [over, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const toldTyping = useRef(0);
  const open = openOf(interventions);
  const text = mode === 'reply' ? answer : comment;
  const to = contents.findLast(isCustomers);
  const hindrance = mode === 'comment' ? undefined : thread.closed ? t('thread_closed') : contents.length && !to ? t('no_answer_here') : undefined;

  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => void (shown.current = false);
  }, []);

  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, FIELD_PX_MAX)}px`;
  }, [text, mode, field]);

  const types = (now: boolean) => {
    if (now && Date.now() - toldTyping.current < TYPING_MS) return;
    if (!now && !toldTyping.current) return;
    toldTyping.current = now ? Date.now() : 0;
    // A hint: sources that know no typing refuse it, and nobody misses it.
    post(`/content_threads/${thread.id}/typing`, { typing: now }).catch(() => {});
  };
  const write = (written: string) => {
    if (mode === 'comment') return setComment(written);
    setAnswer(written);
    keepDraft(thread.id, written);
    if (contents.at(-1)?.source_type === 'mobile_messaging' || contents.at(-1)?.source_type === 'chat') types(written !== '');
  };

  const submit = async (close = false) => {
    const body = text.trim();
    if (mode === 'comment') {
      if (!body || !open) return;
      setComment('');
      try {
        await post('/intervention_comments', { intervention_id: open.id, body });
        touch(thread.id);
      } catch (trouble) {
        setComment(body);
        complain(trouble);
      }
      return;
    }
    if ((!body && !files.length) || !to || hindrance || uploading) return;
    setAnswer('');
    setFiles([]);
    types(false);
    send(
      { thread: thread.id, to: to.id, body, attachments: files },
      (back) => {
        keepDraft(back.thread, back.body);
        if (!shown.current) return;
        setMode('reply');
        setAnswer((now) => (now ? `${back.body}\n\n${now}` : back.body));
        setFiles((now) => [...back.attachments, ...now]);
        field.current?.focus();
      },
      () => {
        if (close) setTimeout(() => resolve([{ ...thread, intervention: thread.intervention ?? { id: open?.id ?? '', identity_id: '', user_id: null, deferred_at: null, closed_at: null } }]), 0);
      },
    );
  };

  const attach = async (given: Iterable<File>) => {
    // A list of a field is emptied with it.
    for (const file of [...given]) {
      setUploading((count) => count + 1);
      try {
        const form = new FormData();
        form.append('file', file, file.name);
        const made = await post<Attachment>('/attachments', form);
        setFiles((now) => [...now, made]);
      } catch (trouble) {
        complain(trouble);
      }
      setUploading((count) => count - 1);
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (mode === 'reply') void attach(event.dataTransfer.files);
  };

  const canComment = !!open;
  return (
    <footer
      className={`composer ${mode}`}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(mode === 'reply');
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <div className="composer-tabs" role="tablist">
        {(['reply', 'comment'] as const).map((one) => (
          <button key={one} type="button" role="tab" aria-selected={mode === one} disabled={one === 'comment' && !canComment} onClick={() => setMode(one)}>
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
          <textarea
            ref={field}
            rows={2}
            value={text}
            dir="auto"
            aria-label={mode === 'reply' ? t('reply_to', { name: customerName(thread) }) : t('comment')}
            placeholder={mode === 'reply' ? t('reply_to', { name: customerName(thread) }) : t('comment_placeholder')}
            onChange={(event) => write(event.target.value)}
            onPaste={(event) => {
              if (mode === 'reply' && event.clipboardData.files.length) {
                event.preventDefault();
                void attach(event.clipboardData.files);
              }
            }}
            onKeyDown={(event) => {
              if (event.nativeEvent.isComposing) return;
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                void submit(event.shiftKey);
              } else if (event.key === 'Escape') {
                event.preventDefault();
                event.currentTarget.blur();
              }
            }}
          />
          {(files.length > 0 || uploading > 0) && (
            <ul className="composer-files">
              {files.map((file) => (
                <li key={file.id} className="chip">
                  <Icon name="file" size={14} />
                  <span>{file.filename}</span>
                  <button type="button" aria-label={t('remove_file', { name: file.filename })} onClick={() => setFiles(files.filter(({ id }) => id !== file.id))}>
                    <Icon name="cross" size={12} />
                  </button>
                </li>
              ))}
              {uploading > 0 && <li className="chip">{t('uploading')}…</li>}
            </ul>
          )}
          <div className="composer-foot">
            {mode === 'reply' && (
              <>
                <IconButton icon="attach" label={t('attach')} onClick={() => chooser.current?.click()} />
                <input
                  ref={chooser}
                  type="file"
                  multiple
                  hidden
                  onChange={(event) => {
                    void attach(event.target.files ?? []);
                    event.target.value = '';
                  }}
                />
              </>
            )}
            <span className="grow">{over ? t('attach_drop') : ''}</span>
            <Button look="main" disabled={mode === 'comment' ? !comment.trim() : (!answer.trim() && !files.length) || !to || uploading > 0} onClick={() => void submit()} title="Ctrl Enter">
              {mode === 'reply' ? t('send') : t('add_comment')}
            </Button>
          </div>
        </div>
      )}
    </footer>
  );
};
