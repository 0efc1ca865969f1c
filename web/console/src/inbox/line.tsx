// One thread of the list: who, what last, since when, whose.

import { memo } from 'react';
import type { Content, Source, Thread } from '../api/types.ts';
import { arrive, expect } from '../data.ts';
import { t, useLanguage } from '../language/index.ts';
import { useTyping } from '../live.ts';
import { customerName } from '../names.ts';
import { age, moment, useNow, whole } from '../time.ts';
import { Icon } from '../ui/icon.tsx';
import { Avatar } from '../ui/pieces.tsx';
import { excerptOf } from './found.ts';
import { marked } from './marked.tsx';

/** How long somebody waits, and whether that is too long: in words, as colours alone tell not everybody. */
function waiting(now: number, since: string, { sla_state: state }: Thread): string {
  const words = now - Date.parse(since) < 60_000 ? t('waits_now') : t('waits', { age: age(since, now) });
  return state === 'expired' ? `${t('state_due')} · ${words}` : state === 'warning' ? `${t('state_soon')} · ${words}` : words;
}

interface Props {
  thread: Thread;
  source: Source | undefined;
  /** What a search has found in it, and the words that it is about. */
  hit: Content | undefined;
  words: string[];
  userName: (id: string | null | undefined) => string;
  href: string;
  current: boolean;
  cursor: boolean;
  selected: boolean;
  selecting: boolean;
  open: () => void;
  toggle: () => void;
}

export const Line = memo(
  ({ thread, source, hit, words, userName, href, current, cursor, selected, selecting, open, toggle }: Props) => {
    useLanguage();
    const now = useNow();
    const typing = useTyping(thread.id);
    const name = customerName(thread);
    const { last_content: last, intervention, waiting_since: waits } = thread;
    const isOpen = intervention && !intervention.closed_at;
    const owner = isOpen && intervention.user_id ? userName(intervention.user_id) : undefined;
    const excerpt = last ? last.excerpt || (last.attachments_count ? t('attachment_only') : '') : (thread.title ?? '');
    const said = (by: string | null | undefined, text: string) => (by ? t('they_said', { name: userName(by), text }) : text);
    const shown = hit ? marked(said(hit.creator_id, excerptOf(hit.body_formatted.text || hit.body, words)), words) : said(last?.creator_id, excerpt);
    return (
      <div className="line" data-current={current || undefined} data-cursor={cursor || undefined} data-selected={selected || undefined} data-selecting={selecting || undefined} data-waits={(waits && !isOpen) || undefined}>
        <span className="line-face">
          <Avatar name={name} />
          <input type="checkbox" checked={selected} onChange={toggle} aria-label={t('select_thread', { name })} />
        </span>
        <a
          className="line-words"
          href={href}
          aria-current={current ? 'true' : undefined}
          draggable={false}
          onPointerEnter={() => expect(thread.id)}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            // Asked for before anything is drawn.
            arrive(thread.id, open);
          }}
        >
          <span className="line-top">
            <span className="line-name">{name}</span>
            {last && (
              <time dateTime={last.created_at} title={whole(last.created_at)}>
                {age(last.created_at, now)}
              </time>
            )}
          </span>
          <span className={typing === undefined ? 'line-text' : 'line-text types'} dir="auto">{typing === undefined ? shown : t('customer_types', { name })}</span>
          <span className="line-facts">
            {source && (
              <span className="fact">
                <i style={{ background: source.color_hex }} />
                <span>{source.name}</span>
              </span>
            )}
            {last?.language && <span className="fact code">{last.language}</span>}
            {waits && <span className={`fact waits ${thread.sla_state === 'expired' ? 'late' : thread.sla_state === 'warning' ? 'soon' : ''}`}>{waiting(now, waits, thread)}</span>}
            {isOpen && intervention.deferred_at && (
              <span className="fact">
                <Icon name="clock" size={12} />
                {t('deferred_until', { when: moment(intervention.deferred_at) })}
              </span>
            )}
            {intervention?.closed_at && !waits && <span className="fact">{t('state_closed')}</span>}
            {last?.status === 'ignored' && <span className="fact">{t('state_ignored')}</span>}
            {thread.closed && <Icon name="lock" size={12} />}
            {owner && (
              <span className="fact owner" title={t('assigned_to', { name: owner })}>
                <Avatar name={owner} size="s" />
                <span className="unseen">{t('assigned_to', { name: owner })}</span>
              </span>
            )}
          </span>
        </a>
      </div>
    );
  },
  (before, after) => before.thread === after.thread && before.source === after.source && before.hit === after.hit && before.words === after.words && before.userName === after.userName && before.href === after.href && before.current === after.current && before.cursor === after.cursor && before.selected === after.selected && before.selecting === after.selecting,
);
