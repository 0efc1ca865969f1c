// What the REST API answers, as far as the console reads it (docs/integrator/rest.md; /openapi.json has all of it).

export type Id = string;

export interface Page<T> {
  /** Exact, or a lower bound that is greater than offset + limit while records follow. */
  count: number;
  offset: number;
  limit: number;
  records: T[];
}

export interface User {
  id: Id;
  email: string;
  firstname: string;
  lastname: string;
  nickname: string | null;
  role_id: Id;
  enabled: boolean;
  locale: string | null;
}

export interface Source {
  id: Id;
  name: string;
  type: string;
  active: boolean;
  community_id: Id;
  color_hex: string;
  signatures: { language: string; name: string | null; body: string }[];
}

export interface Category {
  id: Id;
  name: string;
  parent_id: Id | null;
  color: number;
  multiple: boolean;
  mandatory: boolean;
  post_qualification: boolean;
  unselectable: boolean;
  source_ids: Id[];
}

export interface Folder {
  id: Id;
  label: string;
  parent_id: Id | null;
  position: number;
  query: string;
  render_threads_count: boolean;
}

/** With `extended=true`. */
export interface Thread {
  id: Id;
  source_id: Id;
  title: string | null;
  closed: boolean;
  contents_count: number;
  category_ids: Id[];
  thread_category_ids: Id[];
  created_at: string;
  updated_at: string;
  extra_data: Record<string, unknown>;
  muted?: boolean;
  text_input_disabled?: boolean;
  sla_state?: 'none' | 'ok' | 'warning' | 'expired';
  sla_due_at?: string;
  customer?: { id: Id; display_name: string | null; avatar_url: string | null };
  last_content?: {
    id: Id;
    author_id: Id | null;
    creator_id: Id | null;
    status: string;
    excerpt: string;
    language: string | null;
    attachments_count: number;
    created_at: string;
  };
  intervention?: { id: Id; identity_id: Id; user_id: Id | null; deferred_at: string | null; closed_at: string | null };
  waiting_since?: string;
}

export interface Attachment {
  id: Id;
  filename: string;
  content_type: string;
  size: number;
}

export interface Content {
  id: Id;
  source_id: Id;
  source_type: string;
  /** Where it is on its channel. */
  source_url: string | null;
  thread_id: Id;
  author_id: Id | null;
  creator_id: Id | null;
  status: string;
  private_message: boolean;
  intervention_id: Id | null;
  language: string | null;
  title: string | null;
  body: string;
  body_formatted: { text: string; html: string };
  body_input_format: string;
  attachments: Attachment[];
  category_ids: Id[];
  approval_required: boolean;
  auto_submitted: boolean;
  remotely_deleted: boolean;
  published: boolean;
  synchronization_status: string;
  synchronization_error: string | null;
  /** When it is sent again, after an attempt that failed. */
  next_attempt_at?: string;
  /** Types of structured messages that an answer may use. */
  capabilities_supported?: string[];
  /** How one may answer it. */
  reply_options?: { private: boolean; html: boolean; private_html: boolean };
  /** What only its channel can do with it. */
  custom_actions?: { name: string; label: string }[];
  /** Of reply, show, publish, unpublish and delete; absent: its channel has not told. */
  channel_actions?: string[];
  /** Why its channel lets nobody answer it, in words. */
  unanswerable?: string;
  /** What its channel told about it. */
  context_data?: Record<string, unknown>;
  foreign_categories?: string[];
  /** How many stars a review gives. */
  rating?: number;
  structured_content?: unknown;
  structured_reply?: unknown;
  read_at?: string | null;
  scheduled_at?: string | null;
  created_at: string;
  updated_at: string;
}

export interface Intervention {
  id: Id;
  source_id: Id;
  thread_id: Id;
  identity_id: Id;
  user_id: Id | null;
  status: string;
  closed: boolean;
  deferred_at: string | null;
  category_ids: Id[];
  user_replies_count: number;
  comments_count: number;
  custom_fields: Record<string, unknown>;
  /** Seconds for which deferring it is offered, the shortest first; absent once it is closed. */
  defer_rates?: number[];
  created_at: string;
}

export interface Comment {
  id: Id;
  intervention_id: Id;
  user_id: Id;
  body: string;
  created_at: string;
}

export interface Identity {
  id: Id;
  community_id: Id;
  identity_group_id: Id | null;
  foreign_id: string | null;
  type: string;
  display_name: string | null;
  screenname: string | null;
  company: string | null;
  email: string | null;
  home_phone: string | null;
  mobile_phone: string | null;
  avatar_url: string | null;
  extra_values: Record<string, unknown>;
  /** What they write arrives archived. */
  muted?: boolean;
  user_ids: Id[];
  created_at: string;
}

export interface IdentityGroup {
  id: Id;
  firstname: string | null;
  lastname: string | null;
  company: string | null;
  gender: 'man' | 'woman' | null;
  /** May not be edited nor merged. */
  locked?: boolean;
  emails: string[];
  home_phones: string[];
  mobile_phones: string[];
  notes: string | null;
  tag_ids: Id[];
  custom_field_values: Record<string, unknown>;
}

export interface CustomField {
  id: Id;
  key: string;
  label: string;
  associated_type_name: string;
  type: string;
  multiple?: boolean;
  choices?: string[];
  read_only?: boolean;
}

export interface Signature {
  id: Id;
  body: string;
  name: string | null;
  language: string | null;
  source_ids: Id[];
}

/** An answer that is kept ready, as it would be sent in a thread. */
export interface ReplySuggestion {
  id: Id;
  version_id: Id;
  label: string;
  shortcuts: string[];
  group: string | null;
  language: string | null;
  body: string;
  body_html: string | null;
  unfilled: string[];
  attachments: Attachment[];
}

/** Where the visitor of a website is and was. */
export interface Visited {
  page_url: string | null;
  page_title: string | null;
  custom: Record<string, unknown>;
  pages: { url: string; title: string | null; at: string }[];
  notices: { notice: string; user_id: Id | null; at: string }[];
}

/** What the live stream tells (docs/integrator/stream.md). */
export interface Told {
  type: string;
  seq: number;
  user_id?: Id;
  resource?: { type: string; id: Id; metadata: Record<string, unknown> };
  error?: string;
  message?: string;
}
