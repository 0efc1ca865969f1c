// What can be administered, each as a plain description: where it is, who may, what its list shows, what its form asks.
// Lists and forms are made of these, all in the same way.

import { type ComponentType, lazy, type LazyExoticComponent } from 'react';
import { put } from '../api/client.ts';
import type { Id } from '../api/types.ts';
import type { IconName } from '../ui/icon.tsx';
import { CHAT_RIGHTS, within } from './chat.ts';
import { fieldOf } from './edits.ts';
import { hoursOf, secondsOf } from './hours.ts';
import { type Word, w } from './words/index.ts';
import { NAMES } from './words/permissions.ts';

// biome-ignore lint: what the server answers is looked at by the name of a field.
export type Made = { id: Id; updated_at?: string } & Record<string, any>;

/** A choice: what is sent, and what is read. */
export type Choice = { id: string; label: string };

/** Where choices come from: written here, or the records of another kind, or a list of the server. */
export type Choices = readonly string[] | { of: string; where?: (record: Made) => boolean } | { list: 'locales' | 'interface_locales' | 'timezones' };

export interface Field {
  /** Its name over REST. */
  name: string;
  /** `f_` and the name, when it is not said. */
  label?: Word;
  type: 'text' | 'long' | 'number' | 'flag' | 'choice' | 'many' | 'lines' | 'secret' | 'hours' | 'holidays' | 'permissions' | 'capacities' | 'topology' | 'code' | 'color' | 'conditions' | 'actions' | 'mappings' | 'automatic_answers' | 'texts' | 'files' | 'identities' | 'span' | 'spans';
  choices?: Choices;
  /** What a written choice is called: this and its name. */
  said?: string;
  needed?: boolean;
  /** What is chosen belongs to one of them only: another that is like it begins without. */
  single?: true;
  /** Only while it is made, or only afterwards. */
  only?: 'new' | 'old';
  /** Only where this is so. */
  when?: (record: Made) => boolean;
  /** Of a span, in seconds. */
  min?: number;
  max?: number;
  /** A secret of several lines. */
  long?: true;
  /** Of a number: `any` where it may have a fraction. */
  step?: 'any';
  /** What it is made of. */
  parts?: Field[];
  /** A heading above it and those that follow. */
  part?: Word;
  /** These are behind their heading until somebody wants them. */
  folded?: true;
}

export interface Column {
  name: string;
  label: Word;
  /** What stands there, out of the record and the names of others. */
  shown: (record: Made, names: (kind: string, id: Id) => string) => string;
  /** What it is sorted by, when that is not what is shown. */
  by?: (record: Made) => string | number;
  /** A colour says how it is. */
  state?: (record: Made) => 'good' | 'soon' | 'late' | 'off' | undefined;
  wide?: boolean;
}

export interface Kind {
  key: string;
  /** One of them, as in “New tag”. */
  one: Word;
  path: string;
  /** The events that tell of it begin with this. */
  family: string;
  icon: IconName;
  group: Word;
  /** Any of these permissions of the role; none: everybody. */
  reads: string[];
  makes?: string[] | undefined;
  changes?: string[] | undefined;
  removes?: boolean;
  named: (record: Made) => string;
  /** What is asked along with the list. */
  given?: Record<string, string | boolean>;
  columns: Column[];
  fields: Field[];
  /** What is asked to make one, when it is not a form of the fields. */
  setUp?: LazyExoticComponent<ComponentType<{ done: (record: Made) => void }>>;
  /** What is to be done with one that there is before anything else: stands above its form. */
  first?: LazyExoticComponent<ComponentType<{ record: Made; mayChange: boolean }>>;
  /** What is said once one is made; otherwise only that it is. */
  made?: Word;
  /** What stands below the form of one that there is. */
  more?: LazyExoticComponent<ComponentType<{ record: Made }>>;
  /** What stands within the form: as it is written, and as it is saved. */
  beside?: LazyExoticComponent<ComponentType<{ record: Made; saved: Made }>>;
  /** Their order counts: brings one to a place, from 1. */
  move?: (record: Made, position: number) => Promise<unknown>;
  /** What is shown in place of the list. */
  list?: LazyExoticComponent<ComponentType<{ kind: Kind; records: Made[]; mayChange: boolean }>>;
  /** Where it is reached from, when that is not the menu. */
  above?: string;
  /** The answer to making one holds this secret, which is shown this once. */
  secret?: string;
  /** Another place to make one, by what is given. */
  creates?: (given: Record<string, unknown>) => string;
  /** What the button says that makes one. */
  verb?: Word;
  /** Under which name another is given that takes the place of one that is deleted, where it is used. */
  heir?: string;
  /** What a new one has unless somebody says otherwise: the server's own choices. */
  fresh?: Record<string, unknown>;
  /** What the form works on is made of what the server answers. */
  derive?: (record: Made) => Made;
  /** The other way: what is sent of what was changed. */
  sent?: (edits: Record<string, unknown>) => Record<string, unknown>;
  /** Cannot be changed as it is. */
  fixed?: (record: Made) => boolean;
  /** Kinds that its form names beside those of its fields. */
  refers?: string[];
  /** Another can be made that is like one there is. */
  copies?: true;
  /** False where one cannot be asked for alone. */
  single?: false;
}

/** What stands for something whose name may not be read. */
export const NAMELESS = '—';

const yes = (value: unknown): string => (value ? w('yes') : w('no'));
const list = (ids: Id[] | undefined, kind: string, names: (kind: string, id: Id) => string): string => (ids ?? []).map((id) => names(kind, id)).join(', ');
const said = (prefix: string, value: unknown): string => (value ? w(`${prefix}${String(value)}` as Word) : '');
const name: Column = { name: 'name', label: 'f_name', shown: ({ name }) => name, wide: true };
const NAME: Field = { name: 'name', type: 'text', needed: true, max: 255 };
const LABEL: Field = { name: 'label', type: 'text', needed: true, max: 255 };
const isOnOff = (field: string): Pick<Column, 'shown' | 'state'> => ({ shown: (record) => yes(record[field]), state: (record) => (record[field] ? 'good' : 'off') });

const STATES: Record<string, 'good' | 'soon' | 'late' | 'off'> = { ok: 'good', enabled: 'good', verifying: 'soon', failing: 'late', suspended: 'late', verification_failed: 'late', error: 'late', inactive: 'off' };
const stateOf = (record: Made): string => (record.active === false && !record.webhook_status ? 'inactive' : (record.webhook_status ?? record.status ?? ''));
const status: Column = { name: 'status', label: 'f_status', shown: (record) => said('status_', stateOf(record)), state: (record) => STATES[stateOf(record)] };
export const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

const COMMUNITY_KINDS = ['sdk', 'mobile_messaging', 'facebook', 'messenger', 'youtube', 'twtr', 'emails', 'sms'] as const;
const ofFacebook = (...names: string[]): Field[] => names.map((name) => ({ name, type: 'text', when: ({ type }) => type === 'facebook' || type === 'messenger' }));
const ofYoutube = (...names: string[]): Field[] => names.map((name) => ({ name, type: 'text', when: ({ type }) => type === 'youtube' }));
const ofX = (...names: string[]): Field[] => names.map((name) => ({ name, type: 'text', when: ({ type }) => type === 'twtr' }));
const RESTRICTED = ['role', 'team', 'user'] as const;
const isRoot = ({ parent_id }: Made): boolean => !parent_id;

export const WEBHOOK_EVENTS =
  'content.approved content.discussion_initiated content.exported content.imported content.replied content.thread_auto_closed content.thread_closed content.thread_opened content.update_exported identity.merged identity.unmerged intervention.assigned intervention.canceled intervention.closed intervention.custom_fields_updated intervention.deferred intervention.opened intervention.reactivated intervention.recategorized intervention.reopened intervention.user_updated push_agent.accept_task push_agent.availability_change push_agent.busyness_change push_agent.connected push_agent.disconnected push_agent.missed_task push_agent.reconnected push_agent.request_task task.assigned task.completed task.created task.destroyed task.expired_from_step task.expired_from_workbin task.recategorized task.resume task.supervisor_assigned task.taken task.transferred task.undelivered'.split(
    ' ',
  );

/** Fields below a heading, which the first of them carries. */
const under = (part: Word, [first, ...rest]: Field[]): Field[] => [{ ...first!, part }, ...rest];
const behind = (part: Word, fields: Field[]): Field[] => under(part, fields).map((field) => (field.part ? { ...field, folded: true } : field));
const isApp = ({ type }: Made): boolean => type === 'mobile_messaging';
const onlyApps = (...fields: Field[]): Field[] => fields.map((field) => ({ ...field, when: isApp }));

const hoursField = (day: (typeof DAYS)[number]): Field => ({ name: `${day}_hours`, label: day, type: 'hours' });

export const KINDS: Kind[] = [
  {
    key: 'sources',
    one: 'source',
    path: '/content_sources',
    family: 'content_source',
    icon: 'tray',
    group: 'group_channels',
    reads: ['create_content_source', 'update_content_source', 'read_content_source'],
    makes: ['create_content_source'],
    changes: ['update_content_source'],
    removes: true,
    named: ({ name }) => name,
    given: { extended: true },
    columns: [
      name,
      { name: 'type', label: 'f_type', shown: ({ type }) => said('kind_', type) || type },
      { name: 'channel', label: 'f_channel_id', shown: ({ channel_id }, names) => (channel_id ? names('channels', channel_id) : '') },
      status,
    ],
    fields: [
      NAME,
      { name: 'active', type: 'flag' },
      { name: 'base_uri', type: 'text', when: ({ type }) => type === 'sdk' },
      { name: 'access_token', label: 'secret_token', type: 'secret', when: ({ type }) => type === 'sdk' },
      ...ofFacebook('facebook_page_id', 'facebook_app_id'),
      ...ofFacebook('facebook_app_secret', 'facebook_page_token').map((field): Field => ({ ...field, type: 'secret' })),
      ...ofYoutube('youtube_channel_id', 'youtube_client_id'),
      ...ofYoutube('youtube_client_secret', 'youtube_refresh_token').map((field): Field => ({ ...field, type: 'secret' })),
      ...ofX('x_user_id', 'x_client_id'),
      ...ofX('x_consumer_secret', 'x_client_secret', 'x_refresh_token').map((field): Field => ({ ...field, type: 'secret' })),
      ...ofX('x_answers_everybody').map((field): Field => ({ ...field, type: 'flag' })),
      { name: 'attachments_security_level', type: 'choice', choices: ['strict', 'relaxed', 'permissive'], said: 'f_attachments_', needed: true },
      { name: 'default_content_language', type: 'choice', choices: { list: 'locales' } },
      { name: 'from_name', type: 'text' },
      ...ofYoutube('youtube_history_days', 'youtube_units_per_day', 'youtube_units_for_answers', 'youtube_video_news_days').map((field): Field => ({ ...field, type: 'number', min: 0 })),
      ...['messenger_human_agent', 'messenger_is_primary'].map((name): Field => ({ name, type: 'flag', when: ({ type }) => type === 'messenger' })),
      ...behind('part_promise', [
        { name: 'sla_response', type: 'number', min: 0 },
        { name: 'sla_threshold', type: 'number', min: 0, max: 99 },
        { name: 'time_sheet_ids', type: 'many', choices: { of: 'time_sheets' } },
        { name: 'sla_filtering_categories_strategy', type: 'choice', choices: ['ignored_categories', 'selected_categories'], said: 'f_sla_', needed: true },
        { name: 'sla_filtering_category_ids', type: 'many', choices: { of: 'categories' } },
      ]),
      ...behind('part_automatic', [{ name: 'auto_response_triggers', type: 'automatic_answers', choices: { list: 'locales' } }]),
      ...behind('part_conversations', [
        { name: 'default_category_ids', type: 'many', choices: { of: 'categories' } },
        { name: 'user_thread_default_category_ids', type: 'many', choices: { of: 'categories' } },
        { name: 'time_for_thread_inclusion', type: 'number', min: 0 },
        { name: 'content_archiving', type: 'flag' },
        { name: 'content_archiving_period', type: 'number', min: 0, when: ({ content_archiving }) => content_archiving },
      ]),
      ...behind('part_routing', [
        { name: 'channel_id', type: 'choice', choices: { of: 'channels' } },
        { name: 'default_task_priority', type: 'number' },
        { name: 'intervention_messages_boost', type: 'number' },
        { name: 'transferred_tasks_boost', type: 'number' },
        { name: 'sla_expired_strategy', type: 'choice', choices: ['max', 'half', 'base'], said: 'f_sla_expired_', needed: true },
      ]),
      ...behind(
        'part_apps',
        onlyApps(
          { name: 'disable_notification_body_display', type: 'flag' },
          { name: 'notification_generic_message', type: 'text', max: 1_000 },
          { name: 'enable_android', type: 'flag' },
          { name: 'fcm_service_account', type: 'secret', long: true },
          { name: 'huawei_application_id', type: 'text' },
          { name: 'huawei_client_id', type: 'text' },
          { name: 'huawei_client_secret', type: 'secret' },
          { name: 'enable_ios', type: 'flag' },
          { name: 'apns_key', type: 'secret', long: true },
          { name: 'apns_key_id', type: 'text' },
          { name: 'apns_team_id', type: 'text' },
          { name: 'apns_topic', type: 'text' },
          { name: 'apns_sandbox', type: 'flag' },
        ),
      ),
    ],
    setUp: lazy(() => import('./source-set-up.tsx')),
    more: lazy(() => import('./source-more.tsx')),
  },
  {
    key: 'communities',
    fresh: { type: 'sdk' },
    one: 'community',
    path: '/communities',
    family: 'community',
    icon: 'person',
    group: 'group_channels',
    reads: ['read_community'],
    makes: ['create_community'],
    changes: ['update_community'],
    removes: true,
    named: ({ name }) => name,
    given: { extended: true },
    columns: [name, { name: 'type', label: 'f_type', shown: ({ type }) => said('kind_', type) || type }],
    fields: [
      NAME,
      { name: 'type', type: 'choice', choices: COMMUNITY_KINDS, said: 'kind_', needed: true, only: 'new' },
      { name: 'extra_value_mappings', type: 'mappings', choices: { of: 'custom_fields', where: ({ associated_type_name }) => associated_type_name === 'IdentityGroup' }, only: 'old' },
    ],
    more: lazy(() => import('./signed-identities.tsx')),
  },
  {
    key: 'mail_templates',
    copies: true,
    one: 'mail_template',
    path: '/messaging_mail_templates',
    family: 'mobile_messaging',
    icon: 'send',
    group: 'group_channels',
    reads: CHAT_RIGHTS,
    makes: CHAT_RIGHTS,
    changes: CHAT_RIGHTS,
    removes: true,
    named: ({ name }) => name,
    fresh: { active: true },
    move: async ({ id }, position) => put(`/messaging_mail_templates/${id}`, { position }),
    columns: [
      name,
      { name: 'sources', label: 'sources', shown: ({ source_ids }, names) => list(source_ids, 'sources', names) || w('all_of_these') },
      { name: 'languages', label: 'f_languages', shown: ({ languages }) => languages.join(', ') || w('all_of_these') },
      { name: 'active', label: 'f_active', ...isOnOff('active') },
    ],
    fields: [
      NAME,
      { name: 'active', type: 'flag' },
      { name: 'source_ids', label: 'f_mail_sources', type: 'many', choices: { of: 'sources', where: ({ type }) => type === 'mobile_messaging' || type === 'chat' } },
      { name: 'category_ids', label: 'f_mail_categories', type: 'many', choices: { of: 'categories' } },
      { name: 'languages', type: 'many', choices: { list: 'locales' } },
      { name: 'subject', type: 'text', needed: true, max: 200, only: 'old' },
      { name: 'html', label: 'f_mail_html', type: 'code', needed: true, only: 'old' },
    ],
    beside: lazy(() => import('./mail-preview.tsx')),
    more: lazy(() => import('./mail-trial.tsx')),
  },
  {
    key: 'users',
    one: 'user',
    path: '/users',
    family: 'user',
    icon: 'person',
    group: 'group_people',
    reads: ['read_user', 'manage_users_of_my_teams'],
    makes: ['invite_user', 'manage_users_of_my_teams'],
    // Who is given a password needs no mail to get in.
    creates: ({ password }) => (password ? '/users' : '/users/invite'),
    verb: 'invite',
    changes: ['update_user', 'manage_users_of_my_teams'],
    removes: true,
    named: ({ nickname, firstname, lastname, email }) => nickname || `${firstname} ${lastname}`.trim() || email,
    columns: [
      { name: 'name', label: 'f_name', shown: ({ firstname, lastname }) => `${firstname} ${lastname}`.trim(), wide: true },
      { name: 'email', label: 'f_email', shown: ({ email }) => email },
      { name: 'role', label: 'f_role_id', shown: ({ role_id }, names) => names('roles', role_id) },
      { name: 'teams', label: 'teams', shown: ({ team_ids }, names) => list(team_ids, 'teams', names) },
      { name: 'enabled', label: 'f_enabled', shown: ({ enabled, invitation_pending }) => (invitation_pending ? w('f_invitation_pending') : yes(enabled)), state: ({ enabled, invitation_pending }) => (invitation_pending ? 'soon' : enabled ? 'good' : 'off') },
    ],
    fields: [
      { name: 'email', type: 'text', needed: true },
      { name: 'firstname', type: 'text', needed: true },
      { name: 'lastname', type: 'text', needed: true },
      { name: 'role_id', type: 'choice', choices: { of: 'roles' }, needed: true },
      { name: 'enabled', type: 'flag', only: 'old' },
      { name: 'password', type: 'secret', max: 1_000, when: ({ no_password }) => !no_password },
      { name: 'nickname', type: 'text' },
      { name: 'team_ids', type: 'many', choices: { of: 'teams' } },
      { name: 'locale', type: 'choice', choices: { list: 'interface_locales' } },
      { name: 'timezone', type: 'choice', choices: { list: 'timezones' } },
      { name: 'spoken_languages', type: 'many', choices: { list: 'locales' } },
      { name: 'category_ids', type: 'many', choices: { of: 'categories' } },
      { name: 'user_capacity_id', type: 'choice', choices: { of: 'user_capacities' } },
      { name: 'identity_ids', type: 'identities' },
      { name: 'external_id', type: 'text' },
      { name: 'no_password', type: 'flag', only: 'old' },
    ],
    made: 'invited',
    first: lazy(() => import('./invitation.tsx')),
    more: lazy(() => import('./user-more.tsx')),
  },
  {
    key: 'teams',
    one: 'team',
    path: '/teams',
    family: 'team',
    icon: 'person',
    group: 'group_people',
    reads: ['manage_teams'],
    makes: ['manage_teams'],
    changes: ['manage_teams'],
    removes: true,
    named: ({ name }) => name,
    columns: [
      name,
      { name: 'leaders', label: 'f_leader_ids', shown: ({ leader_ids }, names) => list(leader_ids, 'users', names) },
      { name: 'members', label: 'f_members', shown: ({ user_ids }) => String(user_ids?.length ?? 0), by: ({ user_ids }) => user_ids?.length ?? 0 },
    ],
    fields: [NAME, { name: 'leader_ids', type: 'many', choices: { of: 'users' } }, { name: 'user_ids', type: 'many', choices: { of: 'users' } }],
  },
  {
    key: 'roles',
    copies: true,
    one: 'role',
    path: '/roles',
    family: 'role',
    icon: 'lock',
    group: 'group_people',
    reads: ['manage_roles'],
    makes: ['manage_roles'],
    changes: ['manage_roles'],
    named: ({ label }) => label,
    given: { extended: true },
    columns: [
      { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
      {
        name: 'permissions',
        label: 'f_permissions',
        shown: (role) => String(NAMES.filter((one) => role[one]).length),
        by: (role) => NAMES.filter((one) => role[one]).length,
      },
    ],
    fields: [LABEL, { name: 'permissions', type: 'permissions' }],
  },
  {
    key: 'categories',
    one: 'category',
    path: '/categories',
    family: 'category',
    icon: 'tag',
    group: 'group_order',
    reads: ['manage_categories'],
    makes: ['manage_categories'],
    changes: ['manage_categories'],
    removes: true,
    heir: 'take_over_category_id',
    named: ({ name }) => name,
    list: lazy(() => import('./category-tree.tsx')),
    columns: [
      { ...name, shown: (record, names) => (record.parent_id ? `${names('categories', record.parent_id)} › ${record.name}` : record.name) },
      { name: 'closing', label: 'f_post_qualification', shown: (record) => (isRoot(record) ? yes(record.post_qualification) : '') },
      { name: 'sources', label: 'sources', shown: (record, names) => (isRoot(record) ? list(record.source_ids, 'sources', names) || w('all_of_these') : '') },
    ],
    fields: [
      NAME,
      { name: 'parent_id', type: 'choice', choices: { of: 'categories' } },
      { name: 'color', type: 'color', min: 0, max: 6 },
      { name: 'mandatory', type: 'flag', when: isRoot },
      { name: 'multiple', type: 'flag', when: isRoot },
      { name: 'post_qualification', type: 'flag', when: isRoot },
      { name: 'unselectable', type: 'flag', when: isRoot },
      { name: 'source_ids', label: 'f_source_ids_everywhere', type: 'many', choices: { of: 'sources' }, when: isRoot },
    ],
  },
  {
    key: 'tags',
    one: 'tag',
    path: '/tags',
    family: 'tag',
    icon: 'tag',
    group: 'group_order',
    reads: ['manage_tags'],
    makes: ['manage_tags'],
    changes: ['manage_tags'],
    removes: true,
    named: ({ name }) => name,
    columns: [name],
    fields: [NAME],
  },
  {
    key: 'custom_fields',
    fresh: { type: 'string', associated_type_name: 'IdentityGroup' },
    one: 'custom_field',
    path: '/custom_fields',
    family: 'custom_field',
    icon: 'note',
    group: 'group_order',
    reads: ['manage_custom_fields'],
    makes: ['manage_custom_fields'],
    changes: ['manage_custom_fields'],
    removes: true,
    named: ({ label }) => label,
    columns: [
      { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
      { name: 'of', label: 'f_associated_type_name', shown: ({ associated_type_name }) => said('of_', associated_type_name) },
      { name: 'type', label: 'f_type', shown: ({ type }) => said('type_', type) },
      { name: 'key', label: 'f_key', shown: ({ key }) => key },
    ],
    fields: [
      LABEL,
      { name: 'associated_type_name', type: 'choice', choices: ['IdentityGroup', 'Intervention'], said: 'of_', needed: true, only: 'new' },
      { name: 'type', type: 'choice', choices: ['string', 'text', 'integer', 'float', 'boolean', 'single_choice', 'multiple_choice'], said: 'type_', needed: true, only: 'new' },
      { name: 'key', type: 'text', only: 'new' },
      { name: 'choices', type: 'lines', when: ({ type }) => /choice/.test(type) },
      { name: 'multiple', type: 'flag', only: 'new', when: ({ type }) => !/choice|boolean/.test(type ?? '') },
      { name: 'regex', type: 'text', when: ({ type }) => /^(string|text)$/.test(type) },
      { name: 'read_only', type: 'flag' },
      { name: 'position', type: 'number', min: -1 },
    ],
  },
  {
    key: 'folders',
    copies: true,
    one: 'folder',
    path: '/folders',
    family: 'folder',
    icon: 'folder',
    group: 'group_order',
    reads: ['manage_folders'],
    makes: ['manage_folders'],
    changes: ['manage_folders'],
    removes: true,
    named: ({ label }) => label,
    columns: [
      { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
      { name: 'query', label: 'f_query', shown: ({ query }) => query ?? '' },
      {
        name: 'seen',
        label: 'folder_seen',
        shown: (folder, names) => RESTRICTED.map((of) => list(folder[`${of}_restriction`]?.only, `${of}s`, names)).filter(Boolean).join(' · ') || w('all_of_them'),
      },
    ],
    beside: lazy(() => import('./folder-preview.tsx')),
    // Of a restriction only its list is shown: it has nothing else.
    derive: (folder) => ({ ...folder, ...Object.fromEntries(RESTRICTED.map((of) => [`${of}_restriction`, folder[`${of}_restriction`]?.only ?? []])) }),
    sent: (edits) => Object.fromEntries(Object.entries(edits).map(([name, value]) => [name, name.endsWith('_restriction') ? { only: value } : value])),
    fields: [
      LABEL,
      { name: 'query', type: 'text' },
      { name: 'parent_id', type: 'choice', choices: { of: 'folders' } },
      { name: 'position', type: 'number', only: 'old', min: 0 },
      { name: 'render_threads_count', type: 'flag' },
      ...under('folder_seen_by', RESTRICTED.map((of): Field => ({ name: `${of}_restriction`, type: 'many', choices: { of: `${of}s` } }))),
    ],
  },
  {
    key: 'reply_entries',
    one: 'reply_entry',
    path: '/reply_assistant/entries',
    family: 'reply_assistant_knowledge_base_entry',
    icon: 'bolt',
    group: 'group_order',
    reads: ['manage_reply_assistant'],
    makes: ['manage_reply_assistant'],
    changes: ['manage_reply_assistant'],
    removes: true,
    named: ({ label }) => label,
    derive: (record) => ({ ...record, shortcuts: record.shortcuts ? record.shortcuts.split(',') : [] }),
    columns: [
      { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
      { name: 'shortcuts', label: 'f_shortcuts', shown: ({ shortcuts }) => String(shortcuts ?? '').replace(/([^,]+)/g, ' /$1').trim() },
      { name: 'group', label: 'reply_group', shown: ({ entry_group_id }, names) => (entry_group_id ? names('reply_groups', entry_group_id) : '') },
      { name: 'versions', label: 'reply_versions', shown: ({ version_ids }) => String(version_ids?.length ?? 0), by: ({ version_ids }) => version_ids?.length ?? 0 },
    ],
    fields: [
      LABEL,
      { name: 'shortcuts', type: 'lines', only: 'old' },
      { name: 'entry_group_id', label: 'reply_group', type: 'choice', choices: { of: 'reply_groups' }, only: 'old' },
      { name: 'category_ids', label: 'f_category_ids_offered', type: 'many', choices: { of: 'categories' }, only: 'old' },
      { name: 'source_ids', label: 'f_source_ids_everywhere', type: 'many', choices: { of: 'sources' }, only: 'old' },
      { name: 'foreign_id', type: 'text', max: 255, only: 'old' },
    ],
    more: lazy(() => import('./reply-entry-more.tsx')),
  },
  {
    key: 'reply_groups',
    one: 'reply_group',
    path: '/reply_assistant/groups',
    family: 'reply_assistant_knowledge_base_group',
    icon: 'folder',
    group: 'group_order',
    reads: ['manage_reply_assistant'],
    makes: ['manage_reply_assistant'],
    changes: ['manage_reply_assistant'],
    removes: true,
    named: ({ name }) => name,
    columns: [
      name,
      { name: 'position', label: 'f_position', shown: ({ position }) => String(position), by: ({ position }) => position },
      { name: 'entries', label: 'reply_entries', shown: ({ entry_ids }) => String(entry_ids?.length ?? 0), by: ({ entry_ids }) => entry_ids?.length ?? 0 },
    ],
    fields: [NAME, { name: 'entry_ids', label: 'reply_entries', type: 'many', choices: { of: 'reply_entries' } }, { name: 'autocomplete', type: 'flag' }, { name: 'position', type: 'number', min: 0, max: 1_000_000 }],
  },
  {
    key: 'time_sheets',
    copies: true,
    fresh: { active: true },
    one: 'time_sheet',
    path: '/time_sheets',
    family: 'business/time_sheet',
    icon: 'clock',
    group: 'group_order',
    reads: ['update_time_sheet'],
    makes: ['update_time_sheet'],
    changes: ['update_time_sheet'],
    removes: true,
    named: ({ label }) => label,
    given: { extended: true },
    columns: [
      { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
      { name: 'sources', label: 'sources', shown: ({ source_ids }, names) => list(source_ids, 'sources', names) },
      { name: 'active', label: 'f_active', ...isOnOff('active') },
    ],
    fields: [
      LABEL,
      { name: 'active', type: 'flag' },
      { name: 'source_ids', single: true, type: 'many', choices: { of: 'sources' } },
      { name: 'timezone', type: 'choice', choices: { list: 'timezones' } },
      ...DAYS.map(hoursField),
      { name: 'holidays_region', type: 'choice', choices: ['de', 'es', 'fr', 'gb', 'it', 'nl', 'us'], said: 'region', only: 'new' },
      { name: 'holidays', type: 'holidays' },
    ],
  },
  {
    key: 'channels',
    one: 'channel',
    path: '/channels',
    family: 'channel',
    icon: 'stack',
    group: 'group_routing',
    reads: ['manage_topologies'],
    makes: ['manage_topologies'],
    changes: ['manage_topologies'],
    removes: true,
    named: ({ name }) => name,
    columns: [
      name,
      { name: 'sources', label: 'sources', shown: ({ source_ids }, names) => list(source_ids, 'sources', names) },
      { name: 'soft', label: 'f_soft_capability', shown: ({ soft_capability }) => String(soft_capability), by: ({ soft_capability }) => soft_capability },
      { name: 'hard', label: 'f_hard_capability', shown: ({ hard_capability }) => String(hard_capability), by: ({ hard_capability }) => hard_capability },
    ],
    fields: [
      NAME,
      { name: 'source_ids', type: 'many', choices: { of: 'sources' } },
      { name: 'soft_capability', type: 'number', min: 1, max: 1_000 },
      { name: 'hard_capability', type: 'number', min: 1, max: 1_000 },
      { name: 'task_timeout_seconds', type: 'number', min: 0 },
      { name: 'agent_sla', type: 'number', min: 0 },
      { name: 'agent_sla_threshold', type: 'number', min: 0, max: 99 },
      { name: 'task_auto_complete_seconds', type: 'number', min: 0 },
    ],
  },
  {
    key: 'topologies',
    copies: true,
    one: 'topology',
    path: '/topologies',
    family: 'topology',
    icon: 'sort',
    group: 'group_routing',
    reads: ['manage_topologies'],
    makes: ['manage_topologies'],
    changes: ['manage_topologies'],
    removes: true,
    refers: ['teams', 'users', 'channels', 'sources', 'categories'],
    get fresh() {
      return { json_config: JSON.stringify({ version: 1, steps: [{ name: w('t_name_everyone'), agents: { everyone: true } }] }, null, 2) };
    },
    derive: (record) => ({ ...record, json_config: JSON.stringify(record.config, null, 2) }),
    fixed: ({ active }) => active,
    named: ({ name }) => name,
    given: { extended: true },
    columns: [
      name,
      { name: 'active', label: 'topology_leads_column', ...isOnOff('active') },
      { name: 'steps', label: 'topology_steps', shown: ({ config }) => (config?.steps ?? []).map((step: { name: string }) => step.name).join(' → ') },
    ],
    fields: [NAME, { name: 'json_config', label: 'topology_document', type: 'topology' }],
    more: lazy(() => import('./topology-more.tsx')),
  },
  {
    key: 'user_capacities',
    copies: true,
    one: 'user_capacity',
    path: '/user_capacities',
    family: 'capability_scheme',
    icon: 'stack',
    group: 'group_routing',
    reads: ['manage_topologies'],
    makes: ['manage_topologies'],
    changes: ['manage_topologies'],
    removes: true,
    named: ({ name }) => name,
    columns: [name],
    fields: [NAME, { name: 'channels', label: 'f_capacities', type: 'capacities' }],
  },
  {
    key: 'presence_status',
    one: 'presence_state',
    path: '/presence_status',
    family: 'presence_status',
    icon: 'clock',
    group: 'group_routing',
    reads: ['monitor_tasks'],
    makes: ['monitor_tasks'],
    changes: ['monitor_tasks'],
    removes: true,
    named: ({ name }) => name,
    columns: [name],
    fields: [NAME],
  },
  {
    key: 'access_tokens',
    one: 'access_token',
    path: '/access_tokens',
    family: 'api_access_token',
    icon: 'lock',
    group: 'group_programs',
    reads: ['manage_api_access_tokens'],
    makes: ['manage_api_access_tokens'],
    changes: ['manage_api_access_tokens'],
    removes: true,
    secret: 'token',
    single: false,
    named: ({ label }) => label,
    columns: [
      { name: 'label', label: 'f_label', shown: ({ label }) => label, wide: true },
      { name: 'user', label: 'f_user_id', shown: ({ user_id }, names) => names('users', user_id) },
      { name: 'enabled', label: 'f_token_enabled', ...isOnOff('enabled') },
    ],
    fields: [LABEL, { name: 'user_id', type: 'choice', choices: { of: 'users' }, only: 'new' }, { name: 'enabled', label: 'f_token_enabled', type: 'flag', only: 'old' }],
  },
  {
    key: 'webhooks',
    secret: 'signing_secret',
    fresh: { active: true, source_filter: 'except', ordering: 'none', events_per_request: 1 },
    one: 'webhook',
    path: '/webhooks',
    family: 'webhook',
    icon: 'send',
    group: 'group_programs',
    reads: [],
    makes: [],
    changes: [],
    removes: true,
    named: ({ name, url }) => name || url,
    given: { extended: true },
    derive: (record) => ({ ...record, access_token_id: record.api_access_token?.id }),
    columns: [{ ...name, shown: (record) => record.name || record.url }, { name: 'url', label: 'f_url', shown: ({ url }) => url }, status],
    fields: [
      { name: 'url', type: 'text', needed: true },
      { ...NAME, needed: false },
      { name: 'active', type: 'flag' },
      { name: 'registered_events', type: 'many', choices: WEBHOOK_EVENTS, needed: true },
      { name: 'source_filter', type: 'choice', choices: ['except', 'only'], said: 'f_source_filter_', needed: true },
      { name: 'source_ids', type: 'many', choices: { of: 'sources' } },
      { name: 'ordering', type: 'choice', choices: ['none', 'thread'], said: 'f_ordering_', needed: true },
      { name: 'events_per_request', type: 'number', min: 1, max: 100 },
      { name: 'verify_token', type: 'text' },
      { name: 'secret', type: 'secret' },
      { name: 'access_token_id', type: 'choice', choices: { of: 'access_tokens' } },
      { name: 'staging_use', type: 'flag' },
      { name: 'ignore_tls_validity', type: 'flag' },
    ],
    more: lazy(() => import('./webhook-more.tsx')),
  },
];

/** What another is given that is to be like this one: all but its name. */
export const likeness = ({ fields }: Pick<Kind, 'fields'>, record: Made): Record<string, unknown> => {
  const names = fields.flatMap(({ name, type, single }) => (type === 'permissions' ? NAMES.filter((one) => record[one]) : single || name === 'name' || name === 'label' || name === 'position' ? [] : [name]));
  return Object.fromEntries(names.map((name) => [name, fieldOf(record, name)]).filter(([, value]) => value !== undefined && value !== null));
};

/** What words about a kind begin with: its name, without what it is below. */
export const wordOf = ({ key }: Pick<Kind, 'key'>): string => key.split('/').at(-1)!;

export const kindOf = (key: string): Kind | undefined => KINDS.find((kind) => kind.key === key) ?? within(key);

/** What is sent of a field's value, and what is shown of it in a line. */
export const shownHours = (text: unknown): string => hoursOf(String(text ?? ''));
export const sentHours = (text: string): string | undefined => secondsOf(text);
