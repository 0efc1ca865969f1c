// What was said, what is being said, and what is on its way.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { structured } from '../../ui/structured.ts';
import type { Chat } from './chat.ts';
import { type Line, NEW } from './model.ts';
import { Avatar, Control, face, Icon } from './parts.tsx';
import type { Attachment } from './types.ts';

/** Addresses in a text become links; everything else stays what it is, in the direction of its own language. */
function Linked({ text }: { text: string }) {
  const parts = text.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/g);
  return (
    <span dir="auto">
      {parts.map((part, index) =>
        index % 2 ? (
          <a href={part} target="_blank" rel="noopener noreferrer">
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </span>
  );
}

const isImage = ({ content_type }: Attachment): boolean => /^image\/(png|jpe?g|gif|webp|bmp)$/.test(content_type);

function File({ file }: { file: Attachment }) {
  if (isImage(file)) {
    // Its size is known, so the conversation does not move when it comes.
    const size = file.width && file.height ? { width: file.width, height: file.height } : {};
    return (
      <a class="picture" href={file.url} target="_blank" rel="noopener noreferrer">
        <img src={file.url} alt={file.name} loading="lazy" {...size} />
      </a>
    );
  }
  return (
    <a class="file" href={file.url} target="_blank" rel="noopener noreferrer" download={file.name}>
      <Icon name="file" />
      <span>{file.name}</span>
    </a>
  );
}

function Extras({ chat, line, last }: { chat: Chat; line: Line; last: boolean }) {
  const holder = useRef<HTMLDivElement>(null);
  const content = line.structured_content;
  useLayoutEffect(() => {
    const made = content && structured(content, {
      choose: last ? (item) => chat.choose(line.id, item) : undefined,
      webview: (url, height) => chat.openWebview(url, height),
    });
    holder.current?.replaceChildren(...(made ? [made] : []));
  }, [content, last]);
  return content ? <div class="extras" ref={holder} /> : null;
}

const FRESH_MS = 3000;

const NOTICES = ['connection', 'disconnection', 'thread_closure'];

interface Shown {
  chat: Chat;
  line: Line;
  /** Of those that one author wrote in a row. */
  first: boolean;
  last: boolean;
  /** Nothing came after it. */
  latest: boolean;
  /** An agent has read it, and nothing was said since. */
  seen: boolean;
}

function Message({ chat, line, first, last, latest, seen }: Shown) {
  const { t, ago } = { t: chat.texts.t, ago: chat.texts.ago.bind(chat.texts) };
  if (line.from === 'system') {
    if (line.notice === 'request_email') return <EmailRequest chat={chat} done={line.values?.submitted === 'true'} />;
    const key = NOTICES.includes(line.notice ?? '') ? line.notice! : line.notice === 'impossible' ? 'timed_messages.impossible' : '';
    return <p class="notice">{key ? t(key, line.values) : line.body}</p>;
  }
  const own = line.from === 'visitor';
  // It came while the visitor looked.
  const fresh = Date.now() - Date.parse(line.created_at) < FRESH_MS;
  const text = line.anonymized ? t('content.anonymized') : line.body;
  // A file's message is its name, and a card says its title by itself.
  const bare = text === line.structured_content?.title || line.attachments.some(({ name }) => name === text);
  return (
    <div class={`message ${own ? 'own' : 'theirs'} ${fresh ? 'fresh' : ''} ${first ? 'first' : ''} ${last ? 'last' : ''} ${!own && face(chat, line) ? 'faced' : ''} ${line.state ?? ''}`}>
      {!own && last && <Avatar chat={chat} line={line} />}
      <div class="column">
        {!own && first && line.author?.screenname && <div class="author">{line.author.screenname}</div>}
        {own && <span class="hidden">{t('you_colon')}</span>}
        {text && !bare && (
          <div class="bubble">
            <Linked text={text} />
          </div>
        )}
        {line.attachments.map((file) => (
          <File key={file.id} file={file} />
        ))}
        <Extras chat={chat} line={line} last={latest} />
        {line.state === 'sending' && <span class="wait">{t('sending')}</span>}
        {line.state === 'failed' && (
          <button type="button" class="retry" onClick={() => chat.retry(line.client_id!)}>
            {t('send_message_error')}
          </button>
        )}
        {last && !line.state && (
          <span class="when">
            <time dir="auto" dateTime={line.created_at}>
              {ago(new Date(line.created_at), new Date())}
            </time>
            {seen && ` · ${t('seen')}`}
          </span>
        )}
      </div>
    </div>
  );
}

function EmailRequest({ chat, done }: { chat: Chat; done: boolean }) {
  const { t } = chat.texts;
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  if (chat.emailDone || done) return <p class="notice">{t('request_email.submitted_title')}</p>;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const address = String(new FormData(event.target as HTMLFormElement).get('email')).trim();
    if (!address) return setError('required');
    setBusy(true);
    const answer = await chat.email(address);
    setBusy(false);
    setError(answer === 'ok' ? '' : answer);
  };
  return (
    <form class="email" noValidate onSubmit={(event) => void submit(event as unknown as SubmitEvent)}>
      <label for="email">{t('request_email.title')}</label>
      <div>
        <input id="email" name="email" type="email" autoComplete="email" aria-invalid={!!error} aria-describedby="email-error" />
        <button type="submit" class="control filled" disabled={busy} aria-label={t('control_send_title')}>
          <Icon name="send" />
        </button>
      </div>
      <p id="email-error" class="error" role="alert">
        {error && t(`prompt_error.${error}`)}
      </p>
    </form>
  );
}

export function Conversation({ chat }: { chat: Chat }) {
  const { t } = chat.texts;
  const { state } = chat;
  const shown = state.shown ?? NEW;
  const lines = state.lines[shown] ?? [];
  const log = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [away, setAway] = useState(false);
  const typing = state.typing[shown];
  const types = typing && typing.until > Date.now();
  const queue = state.queue[shown];
  const height = useRef(0);
  const first = useRef<string | undefined>(undefined);
  const stay = () => {
    const element = log.current;
    if (element && atEnd.current) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(() => {
    const element = log.current!;
    // Who reads what is above stays there; what comes before it pushes nothing away.
    const begins = lines[0]?.id;
    if (!atEnd.current && begins !== first.current) element.scrollTop += element.scrollHeight - height.current;
    stay();
    height.current = element.scrollHeight;
    first.current = begins;
  });
  useEffect(() => {
    atEnd.current = true;
    stay();
    // Pictures come later, phones open their keyboards.
    const sized = new ResizeObserver(stay);
    for (const element of [log, content]) sized.observe(element.current!);
    return () => sized.disconnect();
  }, [shown]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = log.current!;
    const left = scrollHeight - scrollTop - clientHeight;
    atEnd.current = left < 24;
    setAway(left > clientHeight / 2);
  };
  const toEnd = () => log.current!.scrollTo({ top: log.current!.scrollHeight, behavior: 'smooth' });
  const same = (one: Line | undefined, two: Line | undefined) =>
    !!one && !!two && one.from === two.from && one.from !== 'system' && one.author?.screenname === two.author?.screenname;
  const latestSaid = lines.findLast((line) => line.from !== 'system');
  const fresh = state.shown === null || state.shown === chat.begun;
  const greetings = !fresh ? [] : chat.greetings.length ? chat.greetings : (chat.texts.list('welcome_messages') ?? chat.settings.welcome_messages);
  const opened = !state.threads.some(({ id, opened }) => id === shown && !opened);
  const loading = state.shown && !state.lines[shown];
  return (
    <div class="log" ref={log} onScroll={scrolled} role="log" aria-label={t('conversation_header_title')} tabIndex={0}>
      <div class="lines" ref={content}>
        <h2 class="printed">{t('printer.title', { title: chat.page.title || chat.title })}</h2>
        {state.more[shown] && (
          <button type="button" class="earlier" onClick={() => void chat.earlier().catch(() => {})}>
            {t('earlier')}
          </button>
        )}
        {loading && <div class="loading" aria-hidden="true" />}
        {greetings.map((body, index) => (
          <div class={`message theirs ${index ? '' : 'first'} ${index < greetings.length - 1 ? '' : 'last'} ${face(chat) ? 'faced' : ''}`}>
            {index === greetings.length - 1 && <Avatar chat={chat} />}
            <div class="column">
              <div class="bubble">
                <Linked text={body} />
              </div>
            </div>
          </div>
        ))}
        {lines.map((line, index) => (
          <Message
            key={line.client_id ?? line.id}
            chat={chat}
            line={line}
            first={!same(lines[index - 1], line)}
            last={!same(line, lines[index + 1])}
            latest={opened && line === latestSaid}
            seen={line === latestSaid && state.seen[shown] === line.id}
          />
        ))}
        {chat.uploads.map((upload) => (
          <div class="message own first last">
            <div class="column">
              <div class="file upload">
                <Icon name="file" />
                <span>
                  {upload.error ? t('attachment_error.message', { filename: upload.name }) : upload.name}
                  {upload.error && <b role="alert"> {upload.error}</b>}
                  {!upload.error && <progress value={upload.part} aria-label={upload.name} />}
                </span>
                <Control icon="quit" label={t(upload.error ? 'dialog_frame.button_ok_label' : 'cancel')} onClick={() => chat.dismissUpload(upload.id)} />
              </div>
            </div>
          </div>
        ))}
        {types && (
          <div class="typing" role="status">
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {t('typing', { screenname: typing.screenname })}
          </div>
        )}
        {queue && (
          <p class="notice" role="status">
            {queue.transfered ? t('queuing_update.transfered') : queue.position !== null && t('queuing_update.queued', { position: queue.position })}
            <br />
            {queue.seconds !== null && t('queuing_update.estimated_wait_time', { estimated_wait_time: chat.texts.wait(queue.seconds) })}
          </p>
        )}
      </div>
      {away && (
        <span class="down">
          <Control icon="close" label={t('latest')} onClick={toEnd} />
        </span>
      )}
    </div>
  );
}
