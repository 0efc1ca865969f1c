// What the server tells of conversations: docs/integrator/web-messaging-protocol.md.

import type { Structured } from '../../ui/structured.ts';

export interface Attachment {
  id: string;
  name: string;
  content_type: string;
  size: number;
  url: string;
  width?: number | null;
  height?: number | null;
}

export interface Content {
  id: string;
  client_id: string | null;
  thread_id: string;
  from: 'visitor' | 'agent' | 'system';
  author: { screenname: string; avatar_url: string | null } | null;
  body: string;
  notice?: string | null;
  values?: Record<string, string>;
  created_at: string;
  attachments: Attachment[];
  structured_content: Structured | null;
  structured_reply?: unknown;
  automated?: boolean;
  anonymized?: boolean;
}

export interface Thread {
  id: string;
  opened: boolean;
  updated_at: string;
  text_input: boolean;
  unread: number;
  last_content: Content | null;
}

export interface Session {
  session: string;
  identity: { id: string | null; uuid: string; screenname: string; signed: boolean; email: string | null };
  threads: Thread[];
  seq: number;
}

export interface Settings {
  token: string;
  mode: 'messaging' | 'chat';
  locale: string;
  translations: Record<string, unknown>;
  avatar_url: string | null;
  welcome_messages: string[];
  attachments: { size_max: number; extensions: string[] };
  standalone: { jwt: string | null; custom: Record<string, unknown> } | null;
}

export type Told =
  | { type: 'content'; seq: number; content: Content }
  | { type: 'thread'; seq: number; thread: Thread }
  | { type: 'read'; seq: number; thread_id: string; content_id: string; from: 'agent' | 'visitor' }
  | { type: 'typing'; thread_id: string; typing: boolean; screenname: string }
  | { type: 'queue'; thread_id: string; state: 'queued' | 'transfered' | 'done'; position: number | null; estimated_wait_seconds: number | null }
  | { type: 'identity'; seq: number; identity: { email: string | null } }
  | { type: 'heartbeat'; seq: number }
  | { type: 'resync'; seq: number }
  | { type: 'end'; error: string };

/** A message that this window sends. */
export interface Outgoing {
  client_id: string;
  /** Null begins a conversation. */
  thread_id: string | null;
  body: string;
  attachment_ids?: string[];
  structured_reply?: { content_id: string; payload: string };
  trigger_id?: string | null;
  from?: 'visitor' | 'agent';
  automated?: boolean;
}
