// The folders that everybody has. Those of the server follow below them.

import type { Key } from '../language/index.ts';

export interface Own {
  key: string;
  label: Key;
  query: string;
  icon: 'tray' | 'person' | 'circle' | 'clock' | 'check' | 'stack';
  empty: Key;
  lead: Key;
  /** Whether it is shown while nothing is in it. */
  always: boolean;
}

export const OWN: Own[] = [
  { key: 'waiting', label: 'folder_waiting', query: 'status_in:new', icon: 'tray', empty: 'waiting_empty', lead: 'waiting_empty_lead', always: true },
  { key: 'mine', label: 'folder_mine', query: 'active_and_assigned_to_me:true', icon: 'person', empty: 'mine_empty', lead: 'mine_empty_lead', always: true },
  { key: 'open', label: 'folder_open', query: 'active_and_assigned:true', icon: 'circle', empty: 'open_empty', lead: 'open_empty_lead', always: true },
  {
    key: 'deferred',
    label: 'folder_deferred',
    query: 'opened_and_assigned:true active_and_assigned:false',
    icon: 'clock',
    empty: 'deferred_empty',
    lead: 'deferred_empty_lead',
    always: true,
  },
  { key: 'approval', label: 'folder_approval', query: 'approval_required:true', icon: 'check', empty: 'approval_empty', lead: 'approval_empty_lead', always: false },
  { key: 'all', label: 'folder_all', query: '', icon: 'stack', empty: 'all_empty', lead: 'all_empty_lead', always: true },
];
