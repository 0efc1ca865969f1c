// The words of targeting. Their spelling is published: docs/integrator/web-messaging-protocol.md.

export const CRITERIA = {
  chat_opened: 'boolean',
  chat_shown: 'boolean',
  day_of_week: 'day',
  time: 'time',
  identity: 'boolean',
  page_path: 'string',
  page_url: 'string',
  page_title: 'string',
  page_visit_count: 'number',
  page_visit_duration: 'number',
  signed_identity: 'boolean',
  visit_count: 'number',
  visit_duration: 'number',
} as const;

export type Type = 'boolean' | 'number' | 'string' | 'day' | 'time';

export type Value = string | number | boolean;

/** What is known of one page view: criteria and custom variables by name. What is not there is not defined. */
export type Values = Record<string, Value | undefined>;

export type Operator =
  | 'is'
  | 'is_not'
  | 'contains'
  | 'does_not_contain'
  | 'starts_with'
  | 'ends_with'
  | 'greater_or_equal'
  | 'lesser_or_equal'
  | 'is_present'
  | 'is_not_present';

export interface Condition {
  /** One of `CRITERIA`, or a custom variable: `custom_…`. */
  criterion: string;
  /** When; `current` when it is left out. */
  position?: string;
  operator: string;
  /** What to compare with; `is_present` and `is_not_present` look at none. */
  value?: Value | null;
}

export interface CustomVariable {
  name: string;
  type: 'string' | 'number' | 'boolean';
  /** Filled in by the page itself: the first element that this CSS selector finds. */
  selector?: string | null;
}

export interface Trigger {
  id: string;
  label: string;
  conditions?: Condition[];
  only_if_available?: boolean;
  actions?: Actions;
  /** No other trigger is executed after this one, for the rest of the visit. */
  stops_others?: boolean;
  once_per_visit?: boolean;
  /** Locale of the chat, when a conversation starts from this trigger. */
  language?: string | null;
}

export interface Actions {
  show?: 'minimized' | 'open' | null;
  /** Ids of items of the catalogue. */
  button?: string | null;
  invitation?: string | null;
  /** Text of an automatic message. */
  message?: string | null;
  hide_items?: boolean;
}
