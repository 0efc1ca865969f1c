// What is told beside the words of a conversation, as people read it: by its name in their language, addresses to be followed.

import type { ReactNode } from 'react';
import { safeUrl } from '../../../ui/structured.ts';
import { type Key, t } from '../language/index.ts';
import { moment } from '../time.ts';

/** Names that the product gives, or its channels. Others are as their writers called them. */
const NAMED = [
  'page_url', 'page_title', 'trigger_name', 'trigger_message', 'automated', 'identity_initiated_thread', 'close_cause', 'closed_at',
  'reaction', 'quoted_post', 'attachment', 'video_id', 'channel_id', 'referral_ref', 'referral_source', 'referral_type', 'referral_ad_id',
] as const;
const CAUSES = ['intervention_closed', 'intervention_auto_closed', 'visitor_closed', 'client_impossible_delay'];

/** Whether it says something that is not said better beside it. */
export const isTold = (name: string, facts: Record<string, unknown>): boolean => !(name === 'trigger_id' && 'trigger_name' in facts);

/** What a fact is called: `order_number` is an order number. */
export function factName(name: string): string {
  if ((NAMED as readonly string[]).includes(name)) return t(`fact_${name}` as Key);
  const words = name.replace(/^custom_/, '').replaceAll('_', ' ').trim();
  return words ? words.charAt(0).toLocaleUpperCase(document.documentElement.lang) + words.slice(1) : name;
}

export const shown = (value: unknown): string =>
  Array.isArray(value) ? value.map(shown).join(', ') : typeof value === 'boolean' ? t(value ? 'yes' : 'no') : value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value ?? '–');

export function factValue(name: string, value: unknown): ReactNode {
  if (name === 'close_cause' && CAUSES.includes(String(value))) return t(`cause_${value}` as Key);
  if (name === 'closed_at' && !Number.isNaN(Date.parse(String(value)))) return moment(String(value));
  if (typeof value === 'string' && /^https?:/i.test(value) && safeUrl(value)) return <Page url={value} title={null} />;
  return shown(value);
}

const place = ({ host, pathname }: URL): string => host + pathname;

/** Only addresses of the web can be followed. */
export const Page = ({ url, title }: { url: string; title: string | null }) => {
  const to = safeUrl(url);
  return to && /^https?:$/.test(to.protocol) ? (
    <a href={to.href} target="_blank" rel="noopener noreferrer" title={url}>
      {title || place(to)}
    </a>
  ) : (
    <span>{title || url}</span>
  );
};
