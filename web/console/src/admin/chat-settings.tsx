// How the chat of a source looks and behaves to its visitors.

import type { Id } from '../api/types.ts';
import { AccountForm } from './account-form.tsx';
import type { Field } from './kinds.ts';

const FIELDS: Field[] = [
  { name: 'allowed_sites', type: 'lines' },
  { name: 'locale', type: 'choice', choices: { list: 'locales' }, needed: true },
  { name: 'avatar_url', type: 'text' },
  { name: 'welcome_messages', type: 'lines' },
  { name: 'email_request', type: 'flag' },
  { name: 'back_to_chat_url', type: 'text' },
  { name: 'navigation_contents', type: 'flag' },
  { name: 'queuing_factor', type: 'number', min: 0, max: 10, step: 'any' },
  { name: 'impossible_delay', type: 'text' },
  { name: 'analytics', type: 'choice', choices: ['classic', 'universal'], said: 'analytics_' },
  { name: 'custom_css', type: 'code' },
  { name: 'translations', type: 'texts', choices: { list: 'locales' } },
];

const ChatSettings = ({ source }: { source: Id }) => <AccountForm path={`/content_sources/${source}/messaging`} family={`chat of ${source}, window`} fields={FIELDS} />;

export default ChatSettings;
