// The parts of administration, in the order of its menu.

import { get } from '../api/client.ts';
import type { Page, User } from '../api/types.ts';
import type { IconName } from '../ui/icon.tsx';
import { KINDS, type Made } from './kinds.ts';
import { type Word, w } from './words/index.ts';

export interface Section {
  key: string;
  icon: IconName;
  group: Word;
  /** Any of these permissions of the role; none: everybody. */
  reads: string[];
}

export const SECTIONS: Section[] = [
  ...KINDS,
  { key: 'supervision', icon: 'tray', group: 'group_routing', reads: ['monitor_tasks', 'monitor_team_tasks'] },
  { key: 'settings', icon: 'gear', group: 'group_account', reads: ['update_settings'] },
  { key: 'single_sign_on', icon: 'lock', group: 'group_account', reads: ['update_settings'] },
  { key: 'events', icon: 'stack', group: 'group_account', reads: ['search_event'] },
];

/** Those of whoever is signed in, by their names. */
export async function mine(signal: AbortSignal): Promise<{ to: string; label: string; icon: IconName }[]> {
  const [me, roles] = await Promise.all([get<User>('/users/me', {}, signal), get<Page<Made>>('/roles', { extended: true, limit: 150 }, signal)]);
  const role = roles.records.find(({ id }) => id === me.role_id);
  return SECTIONS.filter(({ reads }) => !reads.length || reads.some((permission) => role?.[permission])).map(({ key, icon }) => ({ to: `/admin/${key}`, label: w(key as Word), icon }));
}
