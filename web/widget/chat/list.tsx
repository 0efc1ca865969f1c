// The visitor's conversations.

import type { Chat } from './chat.ts';
import { Avatar, Icon } from './parts.tsx';
import type { Thread } from './types.ts';

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
            <>
              <span class="badge" aria-hidden="true">
                {thread.unread}
              </span>
              <span class="hidden">{t('unread', { count: thread.unread })}</span>
            </>
          )}
        </span>
      </button>
    </li>
  );
}

export function List({ chat }: { chat: Chat }) {
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
