// Writing first: on a source that lets one, to a customer whom its channel knows, or to everybody there.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { postOnce } from '../api/once.ts';
import type { Content, Identity, Source } from '../api/types.ts';
import { all } from '../data.ts';
import { tell } from '../embed.tsx';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { go } from '../routes.ts';
import { Field, Modal } from '../ui/modal.tsx';
import { Button, Skeleton } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { Attach, Attached, useAttaching } from './attaching.tsx';

const BODY_MAX = 20_000;

const Begin = ({ identity, close }: { identity?: Identity | undefined; close: () => void }) => {
  const found = useQuery({
    queryKey: ['sources', 'initiate'],
    queryFn: ({ signal }) => all<Source>('sources', '/content_sources', signal, { permission: 'initiate_discussion', active: true }),
  }).data;
  // A customer is known where they have written.
  const sources = found?.filter(({ community_id }) => !identity || community_id === identity.community_id);
  const [source, setSource] = useState('');
  const [to, setTo] = useState(identity?.foreign_id ?? '');
  const [title, setTitle] = useState('');
  const [body, setBody] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const attaching = useAttaching(true, setProblem);
  useEffect(() => tell('content:initiate_discussion', { body: '', sourceId: null }), []);
  const chosen = sources?.find(({ id }) => id === source) ?? sources?.[0];
  const cannot = !chosen || (!body.trim() && !attaching.files.length) || attaching.isUploading || busy;
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (cannot) return;
    setProblem('');
    setBusy(true);
    try {
      const made = await postOnce<Content>('/contents', {
        source_id: chosen.id,
        body: body.trim(),
        ...(to.trim() && { to: to.trim() }),
        ...(title.trim() && { title: title.trim() }),
        ...(attaching.files.length && { attachment_ids: attaching.files.map(({ id }) => id) }),
      });
      touch(made.thread_id);
      close();
      go({ folder: 'all', thread: made.thread_id, q: '' });
    } catch (trouble) {
      setProblem(words(trouble));
      setBusy(false);
    }
  };
  return (
    <Modal title={identity ? t('write_to', { name: identity.display_name ?? t('unknown_customer') }) : t('begin')} close={close}>
      <form className="modal-body" data-over={attaching.isOver || undefined} {...attaching.place} onSubmit={(event) => void send(event)}>
        {!sources && <Skeleton width="60%" />}
        {sources?.length === 0 && <p className="faint">{t('begin_nowhere')}</p>}
        {!!sources?.length && (
          <>
            <Field label={t('source')}>
              <select value={chosen?.id} onChange={(event) => setSource(event.target.value)}>
                {sources.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </Field>
            {!identity && (
              <Field label={t('begin_to')} hint={t('begin_to_hint')}>
                <input value={to} onChange={(event) => setTo(event.target.value)} />
              </Field>
            )}
            {chosen?.type === 'sdk' && (
              <Field label={t('begin_title')}>
                <input value={title} maxLength={1_000} onChange={(event) => setTitle(event.target.value)} />
              </Field>
            )}
            <Field label={t('begin_body')}>
              <textarea
                rows={5}
                maxLength={BODY_MAX}
                value={body}
                dir="auto"
                onChange={(event) => setBody(event.target.value)}
                onPaste={attaching.onPaste}
                onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.currentTarget.form?.requestSubmit()}
              />
            </Field>
            {(attaching.files.length > 0 || attaching.isUploading) && (
              <ul className="composer-files">
                <Attached {...attaching} />
              </ul>
            )}
          </>
        )}
        <p className="problem" role="alert">
          {problem}
        </p>
        <footer>
          {chosen && <Attach attach={attaching.attach} />}
          <span className="grow faint">{attaching.isOver ? t('attach_drop') : ''}</span>
          <Button onClick={close}>{t('cancel')}</Button>
          <Button type="submit" look="main" disabled={cannot}>
            {t('send')}
          </Button>
        </footer>
      </form>
    </Modal>
  );
};

export default Begin;
