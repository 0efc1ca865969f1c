// The window as it is seen: what is around the conversation, and what covers it.

import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WebviewHeight } from '../../ui/structured.ts';
import type { Chat } from './chat.ts';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { List } from './list.tsx';
import { NEW, unread } from './model.ts';
import { Avatar, Control } from './parts.tsx';

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

function Webview({ chat, url, height }: { chat: Chat; url: string; height: WebviewHeight }) {
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
          <Control icon="quit" label={t('close')} onClick={() => chat.closeWebview()} />
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
    if (before.current && !state.opened && document.hasFocus()) bubble.current?.focus();
    before.current = state.opened;
  }, [state.opened]);
  if (!state.opened) {
    return (
      <button ref={bubble} type="button" class={`launcher ${chat.corner}`} aria-label={t('open_title') + (count ? `, ${t('unread', { count })}` : '')} onClick={() => chat.open()}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 4c4.7 0 8.5 3 8.5 6.9s-3.8 6.9-8.5 6.9c-.9 0-1.7-.1-2.5-.3L5 20l.9-3.7c-1.5-1.2-2.4-3.2-2.4-5.4C3.5 7 7.3 4 12 4z" />
        </svg>
        {count > 0 && <span class="badge">{count > 9 ? '9+' : count}</span>}
      </button>
    );
  }
  const thread = state.threads.find(({ id }) => id === state.shown);
  const lines = state.lines[state.shown ?? NEW] ?? [];
  const latest = lines.findLast((line) => line.from !== 'system');
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
                  <div class="closure">
                    {!lines.some(({ notice }) => notice === 'thread_closure') && t('thread_closure')}
                    {chat.mode === 'messaging' ? (
                      <button type="button" class="pill quiet" onClick={() => chat.go(null)}>
                        {t('control_new_title')}
                      </button>
                    ) : (
                      <button type="button" class="pill danger" onClick={() => chat.leave()}>
                        {t('end_frame.option_leave_label')}
                      </button>
                    )}
                  </div>
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
