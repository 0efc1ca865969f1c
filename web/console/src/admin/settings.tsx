// The settings of the account, by what they are about.

import { AccountForm } from './account-form.tsx';
import { DAYS, type Field } from './kinds.ts';
import type { Word } from './words/index.ts';

const flag = (name: string): Field => ({ name, label: `set_${name}` as Word, type: 'flag' });
const number = (name: string, min = 0): Field => ({ name, label: `set_${name}` as Word, type: 'number', min });
const part = (word: Word, [first, ...rest]: Field[]): Field[] => [{ ...first!, part: word }, ...rest];

const FIELDS: Field[] = [
  ...part('s_account', [
    { name: 'name', label: 'set_name', type: 'text', needed: true },
    { name: 'locale', label: 'set_locale', type: 'choice', choices: { list: 'locales' }, needed: true },
    { name: 'timezone', label: 'set_timezone', type: 'choice', choices: { list: 'timezones' }, needed: true },
    { name: 'beginning_of_week', label: 'set_beginning_of_week', type: 'choice', choices: DAYS, said: '', needed: true },
  ]),
  ...part('s_passwords', [
    number('password_min_length', 1),
    flag('password_numbers'),
    flag('password_non_word'),
    flag('password_archivable_enabled'),
    number('password_archivable_size', 1),
    flag('expire_password_enabled'),
    number('expire_password_after', 1),
    flag('password_recovery_disabled'),
    flag('disable_password_autocomplete'),
  ]),
  ...part('s_sessions', [number('session_timeout', 1), number('session_lifetime', 1), flag('second_factor_required')]),
  ...part('s_work', [
    flag('push_enabled'),
    flag('identity_merge'),
    flag('reply_as_any_identity'),
    flag('reply_requires_intervention'),
    flag('self_approval_required'),
    { name: 'intervention_defer_rates', label: 'set_intervention_defer_rates', type: 'spans' },
    number('intervention_defer_threshold'),
    number('urgent_task_threshold'),
  ]),
  ...part('s_screen', [flag('deny_iframe_integration'), flag('rtl_support'), flag('spellchecking'), flag('enable_auto_scroll_down'), flag('fold_useless_contents'), flag('use_system_font')]),
];

const Settings = () => <AccountForm path="/settings" family="settings" fields={FIELDS} />;

export default Settings;
