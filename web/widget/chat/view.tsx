// The window as it is seen.

import { render } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { structured } from '../../ui/structured.ts';
import type { Chat } from './chat.ts';
import { type Line, NEW, unread } from './model.ts';
import type { Attachment, Thread } from './types.ts';

const ICONS = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 9l6 6 6-6',
  quit: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  smile: 'M12 21a9 9 0 100-18 9 9 0 000 18zM8.5 14.5s1.3 1.8 3.5 1.8 3.5-1.8 3.5-1.8M9 9.5v.01M15 9.5v.01',
  clip: 'M20 11.5l-8 8a5 5 0 01-7-7l8.5-8.5a3.3 3.3 0 014.7 4.7L9.7 17a1.7 1.7 0 01-2.4-2.4L14.5 7.5',
  send: 'M4 12l16-8-6 16-3-6z',
  bell: 'M6 9.5a6 6 0 0112 0c0 5 2 6.5 2 6.5H4s2-1.5 2-6.5M10 19.5a2.2 2.2 0 004 0',
  file: 'M13 3H7a2 2 0 00-2 2v14a2 2 0 002 2h10a2 2 0 002-2V9zM13 3v6h6',
};

const Icon = ({ name }: { name: keyof typeof ICONS }) => (
  <svg viewBox="0 0 24 24" aria-hidden="true" class={`i-${name}`}>
    <path d={ICONS[name]} />
  </svg>
);

interface ControlOptions {
  icon: keyof typeof ICONS;
  label: string;
  pressed?: boolean;
  onClick: () => void;
}

const Control = ({ icon, label, pressed, onClick }: ControlOptions) => (
  <button type="button" class="control" aria-label={label} aria-pressed={pressed} title={label} onClick={onClick}>
    <Icon name={icon} />
  </button>
);

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

const NOTICES = ['connection', 'disconnection', 'thread_closure'];

function Message({ chat, line, first, last, latest }: { chat: Chat; line: Line; first: boolean; last: boolean; latest: boolean }) {
  const { t, ago } = { t: chat.texts.t, ago: chat.texts.ago.bind(chat.texts) };
  if (line.from === 'system') {
    if (line.notice === 'request_email') return <EmailRequest chat={chat} />;
    const key = NOTICES.includes(line.notice ?? '') ? line.notice! : line.notice === 'impossible' ? 'timed_messages.impossible' : '';
    return <p class="notice">{key ? t(key, line.values) : line.body}</p>;
  }
  const own = line.from === 'visitor';
  const text = line.anonymized ? t('content.anonymized') : line.body;
  const title = line.structured_content?.type;
  // Cards say themselves what their text says again; a file's message is its name.
  const bare = (title && title !== 'select') || line.attachments.length > 0;
  return (
    <div class={`message ${own ? 'own' : 'theirs'} ${first ? 'first' : ''} ${last ? 'last' : ''} ${!own && face(chat, line) ? 'faced' : ''} ${line.state ?? ''}`}>
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
        {line.state === 'failed' && (
          <button type="button" class="retry" onClick={() => chat.retry(line.client_id!)}>
            {t('send_message_error')}
          </button>
        )}
        {last && !line.state && <time dir="auto" dateTime={line.created_at}>{ago(new Date(line.created_at), new Date())}</time>}
      </div>
    </div>
  );
}

const face = (chat: Chat, line?: Line): string | null => line?.author?.avatar_url ?? chat.settings.avatar_url;

/** Where no avatar is configured, there is none. */
function Avatar({ chat, line }: { chat: Chat; line?: Line }) {
  const url = face(chat, line);
  return url ? <img class="avatar" src={url} alt="" /> : null;
}

function EmailRequest({ chat }: { chat: Chat }) {
  const { t } = chat.texts;
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  if (chat.emailDone) return <p class="notice">{t('request_email.submitted_title')}</p>;
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

function Conversation({ chat }: { chat: Chat }) {
  const { t } = chat.texts;
  const { state } = chat;
  const shown = state.shown ?? NEW;
  const lines = state.lines[shown] ?? [];
  const log = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const typing = state.typing[shown];
  const types = typing && typing.until > Date.now();
  const queue = state.queue[shown];
  const height = useRef(0);
  useLayoutEffect(() => {
    const element = log.current!;
    // Who reads what is above stays there; what comes before it pushes nothing away.
    if (atEnd.current) element.scrollTop = element.scrollHeight;
    else if (element.scrollTop < 40) element.scrollTop += element.scrollHeight - height.current;
    height.current = element.scrollHeight;
  });
  useEffect(() => {
    atEnd.current = true;
    const element = log.current!;
    element.scrollTop = element.scrollHeight;
    const sized = new ResizeObserver(() => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    });
    sized.observe(element);
    return () => sized.disconnect();
  }, [shown]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = log.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  const same = (one: Line | undefined, two: Line | undefined) =>
    !!one && !!two && one.from === two.from && one.from !== 'system' && one.author?.screenname === two.author?.screenname;
  const fresh = !lines.some((line) => line.from === 'agent') && (state.shown === null || lines.length < 3);
  const welcome = fresh ? (chat.greetings.length ? [] : chat.settings.welcome_messages) : [];
  const loading = state.shown && !state.lines[shown];
  return (
    <div class="log" ref={log} onScroll={scrolled} role="log" aria-label={t('conversation_header_title')} tabIndex={0}>
      <h2 class="printed">{t('printer.title', { title: chat.page.title || chat.title })}</h2>
      {state.more[shown] && (
        <button type="button" class="earlier" onClick={() => void chat.earlier().catch(() => {})}>
          {t('earlier')}
        </button>
      )}
      {loading && <div class="loading" aria-hidden="true" />}
      {welcome.length > 0 && (
        <div class="welcome">
          {welcome.map((text) => (
            <p dir="auto">{text}</p>
          ))}
        </div>
      )}
      {fresh &&
        chat.greetings.map((body) => (
          <div class="message theirs first last">
            <Avatar chat={chat} />
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
          latest={index === lines.length - 1}
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
              {upload.error && <Control icon="quit" label={t('dialog_frame.button_ok_label')} onClick={() => chat.dismissUpload(upload.id)} />}
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
  );
}

const EMOJI = '😀 😄 😅 😂 🙂 😉 😍 😘 😎 🤔 😐 😕 😢 😭 😡 😴 👍 👎 👏 🙏 💪 👋 🤝 🙌 ❤️ 💔 🔥 ✨ 🎉 🎁 ⭐ ✅ ❌ ❓ ❗ 💡 📞 📧 📦 🚚 🛒 💳 👗 👟 🏠 🚗 ✈️ ☀️'.split(' ');

function Composer({ chat, disabled }: { chat: Chat; disabled: boolean }) {
  const { t } = chat.texts;
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [text, setText] = useState('');
  const [emoji, setEmoji] = useState(false);
  useLayoutEffect(() => {
    const element = field.current!;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);
  useEffect(() => {
    // A phone would open its keyboard over what there is to read.
    if (!matchMedia('(pointer:coarse)').matches && !chat.embedded) field.current?.focus();
  }, [chat.state.shown]);
  const send = () => {
    chat.write(text);
    setText('');
    field.current?.focus();
  };
  const insert = (sign: string) => {
    const element = field.current!;
    const { selectionStart: from, selectionEnd: to } = element;
    setText(text.slice(0, from) + sign + text.slice(to));
    setEmoji(false);
    element.focus();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {emoji && (
        <div class="emoji" role="group" aria-label={t('control_emoji_title')} onKeyDown={(event) => event.key === 'Escape' && setEmoji(false)}>
          {EMOJI.map((sign) => (
            <button type="button" onClick={() => insert(sign)}>
              {sign}
            </button>
          ))}
        </div>
      )}
      <div class="field">
        <Control icon="smile" label={t('control_emoji_title')} onClick={() => setEmoji(!emoji)} />
        <textarea
          ref={field}
          rows={1}
          value={text}
          dir="auto"
          disabled={disabled}
          maxLength={10_000}
          placeholder={t('input_placeholder')}
          aria-label={t('input_placeholder')}
          enterkeyhint="send"
          onInput={(event) => {
            setText(event.currentTarget.value);
            chat.typing();
          }}
          onKeyDown={(event) => {
            // Composing, as for Japanese, uses the same key.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
          onPaste={(event) => {
            const files = event.clipboardData?.files;
            if (files?.length) {
              event.preventDefault();
              chat.attach(files);
            }
          }}
        />
        <input
          ref={picker}
          type="file"
          hidden
          multiple
          accept={chat.settings.attachments.extensions.map((each) => `.${each}`).join()}
          onChange={({ currentTarget }) => {
            chat.attach([...(currentTarget.files ?? [])]);
            currentTarget.value = '';
          }}
        />
        <Control icon="clip" label={t('control_attachment_title')} onClick={() => picker.current?.click()} />
        <button type="submit" class="control filled" disabled={disabled || !text.trim()} aria-label={t('control_send_title')} title={t('control_send_title')}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}

function Row({ chat, thread }: { chat: Chat; thread: Thread }) {
  const { t } = chat.texts;
  const last = thread.last_content;
  const text = last ? (last.attachments[0]?.name ?? last.structured_content?.title ?? last.body) : '';
  return (
    <li>
      <button type="button" class={`row ${thread.unread ? 'unread' : ''}`} aria-current={chat.state.shown === thread.id} onClick={() => chat.go(thread.id)}>
        <Avatar chat={chat} {...(last?.from === 'agent' ? { line: last } : {})} />
        <span class="about">
          <b>{last?.from === 'agent' ? last.author?.screenname : t('conversation_header_title')}</b>
          <span dir="auto">
            {last?.from === 'visitor' && t('you_colon')}
            {text}
          </span>
        </span>
        <span class="aside">
          <time dir="auto">{chat.texts.ago(new Date(thread.updated_at), new Date(), true)}</time>
          {thread.unread > 0 && (
            <span class="badge" aria-label={t('unread', { count: thread.unread })}>
              {thread.unread}
            </span>
          )}
        </span>
      </button>
    </li>
  );
}

function List({ chat }: { chat: Chat }) {
  const { t } = chat.texts;
  return (
    <nav class="list" aria-label={t('control_back_title')}>
      {chat.state.threads.length ? (
        <ul>
          {chat.state.threads.map((thread) => (
            <Row key={thread.id} chat={chat} thread={thread} />
          ))}
        </ul>
      ) : (
        <p class="empty">{t('threads_listing_empty')}</p>
      )}
      <button type="button" class="pill" onClick={() => chat.go(null)}>
        <Icon name="plus" />
        {t('control_new_title')}
      </button>
    </nav>
  );
}

function Header({ chat, asking }: { chat: Chat; asking: () => void }) {
  const { t } = chat.texts;
  const { shown } = chat.state;
  const messaging = chat.mode === 'messaging';
  return (
    <header>
      {messaging && shown !== undefined && (
        <span class="back">
          <Control icon="back" label={t('control_back_title')} onClick={() => chat.go(undefined)} />
        </span>
      )}
      <Avatar chat={chat} />
      <h1>{chat.title}</h1>
      {!chat.standalone && <Control icon="bell" label={t('notify')} pressed={chat.notify} onClick={() => chat.wantNotices()} />}
      {!messaging && <Control icon="quit" label={t('control_quit_title')} onClick={asking} />}
      {!chat.embedded && <Control icon="close" label={t('control_close_title')} onClick={() => chat.minimise()} />}
    </header>
  );
}

/** Takes the keyboard with it, and gives it back. */
function Dialog({ label, children, cancel }: { label: string; children: preact.ComponentChildren; cancel?: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        cancel?.();
      }}
    >
      {children}
    </dialog>
  );
}

function Webview({ chat, url, height }: { chat: Chat; url: string; height: string }) {
  const { t } = chat.texts;
  const frame = useRef<HTMLIFrameElement>(null);
  const [title, setTitle] = useState('');
  useEffect(() => {
    const { origin } = new URL(url);
    // The published SDK, in the page that is shown.
    const heard = ({ source, data, origin: from }: MessageEvent) => {
      if (source !== frame.current?.contentWindow || from !== origin || typeof data !== 'object' || !data) return;
      if (data.frontdesk === 'close') chat.closeWebview();
      if (data.frontdesk === 'title') setTitle(String(data.title).slice(0, 200));
    };
    addEventListener('message', heard);
    return () => removeEventListener('message', heard);
  }, [url]);
  return (
    <Dialog label={title || new URL(url).host} cancel={() => chat.closeWebview()}>
      <div class={`webview ${height}`}>
        <div class="webview-header">
          <b>{title || new URL(url).host}</b>
          <Control icon="quit" label={t('control_close_title')} onClick={() => chat.closeWebview()} />
        </div>
        <iframe ref={frame} name="dimelo_chat_webview" src={url} title={title || url} sandbox="allow-scripts allow-same-origin allow-forms allow-popups" />
      </div>
    </Dialog>
  );
}

function EndFrame({ chat }: { chat: Chat }) {
  const { t } = chat.texts;
  return (
    <div class="end" role="alert">
      <p>{t('end_frame.message_1')}</p>
      <p>{t('end_frame.message_2')}</p>
      <button type="button" class="pill quiet" onClick={() => chat.seeAgain()}>
        {t('end_frame.option_see_again_label')}
      </button>
      <button type="button" class="pill quiet" onClick={() => chat.print()}>
        {t('end_frame.option_print_label')}
      </button>
      <button type="button" class="pill danger" onClick={() => chat.leave()}>
        {t('end_frame.option_leave_label')}
      </button>
    </div>
  );
}

const EXPIRED = ['identity_expired', 'invalid_session'];

function App({ chat }: { chat: Chat }) {
  const { t } = chat.texts;
  const { state } = chat;
  const [asks, setAsks] = useState(false);
  const [dropping, setDropping] = useState(false);
  const count = unread(state) + chat.unseen;
  const before = useRef(state.opened);
  const bubble = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (before.current && !state.opened) bubble.current?.focus();
    before.current = state.opened;
  }, [state.opened]);
  if (!state.opened) {
    return (
      <button ref={bubble} type="button" class="launcher" aria-label={t('open_title')} onClick={() => chat.open()}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 4c4.7 0 8.5 3 8.5 6.9s-3.8 6.9-8.5 6.9c-.9 0-1.7-.1-2.5-.3L5 20l.9-3.7c-1.5-1.2-2.4-3.2-2.4-5.4C3.5 7 7.3 4 12 4z" />
        </svg>
        {count > 0 && (
          <span class="badge" aria-label={t('unread', { count })}>
            {count > 9 ? '9+' : count}
          </span>
        )}
      </button>
    );
  }
  const thread = state.threads.find(({ id }) => id === state.shown);
  const lines = state.lines[state.shown ?? NEW] ?? [];
  const latest = lines.at(-1);
  const disabled = thread?.text_input === false || latest?.structured_content?.disable_text_input === true;
  const closed = thread && !thread.opened;
  const waits = chat.mode === 'chat' && lines.length > 0 && !lines.some((line) => line.from !== 'visitor') && !state.queue[state.shown ?? ''];
  return (
    <div
      class={`window ${chat.embedded ? 'embedded' : ''} ${state.shown === undefined ? 'listing' : ''} ${chat.mode}`}
      onKeyDown={(event) => event.key === 'Escape' && !chat.embedded && !asks && !chat.webview && chat.minimise()}
      onDragOver={(event) => {
        event.preventDefault();
        setDropping(true);
      }}
      onDragLeave={() => setDropping(false)}
      onDrop={(event) => {
        event.preventDefault();
        setDropping(false);
        chat.attach([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <Header chat={chat} asking={() => setAsks(true)} />
      {!state.online && (
        <p class="banner" role="status">
          {t('connection_lost')}
        </p>
      )}
      <div class="panes">
        {chat.mode === 'messaging' && (state.shown === undefined || chat.embedded) && <List chat={chat} />}
        {state.shown !== undefined && (
          <main>
            {chat.over ? (
              <EndFrame chat={chat} />
            ) : (
              <>
                <Conversation chat={chat} />
                {waits && (
                  <p class="notice" role="status">
                    {t('waiting_for_agent')}
                  </p>
                )}
                {state.ended ? (
                  <p class="banner" role="alert">
                    {t(EXPIRED.includes(state.ended) ? 'session_expired' : 'refused')}
                  </p>
                ) : closed ? (
                  <p class="closure">{t('thread_closure')}</p>
                ) : (
                  <Composer chat={chat} disabled={disabled} />
                )}
              </>
            )}
          </main>
        )}
      </div>
      {dropping && <div class="drop">{t('attachment_frame.drop_text')}</div>}
      {asks && (
        <Dialog label={t('end_frame.confirm')} cancel={() => setAsks(false)}>
          <div class="confirm">
            <p>{t('end_frame.confirm')}</p>
            <button type="button" class="pill quiet" onClick={() => setAsks(false)}>
              {t('cancel')}
            </button>
            <button
              type="button"
              class="pill danger"
              onClick={() => {
                setAsks(false);
                chat.quit();
              }}
            >
              {t('control_quit_title')}
            </button>
          </div>
        </Dialog>
      )}
      {chat.webview && <Webview chat={chat} {...chat.webview} />}
    </div>
  );
}

export const show = (chat: Chat): void => render(<App chat={chat} />, document.body);
