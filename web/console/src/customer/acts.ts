// What is done with a customer as a whole: whether they are heard, whether they may be edited, what is kept of them. The role
// decides, and the server says so.

import { get, post, put } from '../api/client.ts';
import type { Id, Identity, IdentityGroup } from '../api/types.ts';
import { client } from '../data.ts';
import { t } from '../language/index.ts';
import { complain, say } from '../ui/toasts.tsx';

/** What is shown of them anywhere may be another now. */
export const again = (): void => {
  for (const kind of ['identity', 'identities', 'group', 'threads', 'thread', 'contents']) void client.invalidateQueries({ queryKey: [kind] });
};

/** What is known of the person behind an identity now; nothing where there is none. */
export async function known(identity: Id): Promise<IdentityGroup | undefined> {
  const { identity_group_id: group } = await get<Identity>(`/identities/${identity}`);
  return group ? get<IdentityGroup>(`/identity_groups/${group}`, { extended: true }) : undefined;
}

const doAndUndo = (path: string, verb: string, contrary: string, said: string): void => {
  put(`${path}/${verb}`)
    .then(() => {
      again();
      say(said, { undo: () => void put(`${path}/${contrary}`).then(again, complain) });
    })
    .catch(complain);
};

export function mute({ id, muted }: Identity): void {
  if (muted) doAndUndo(`/identities/${id}`, 'unmute', 'mute', t('customer_unmuted'));
  else doAndUndo(`/identities/${id}`, 'mute', 'unmute', t('customer_muted'));
}

export function lock({ id, locked }: IdentityGroup): void {
  if (locked) doAndUndo(`/identity_groups/${id}`, 'unlock', 'lock', t('customer_unlocked'));
  else doAndUndo(`/identity_groups/${id}`, 'lock', 'unlock', t('customer_locked'));
}

/** Everything that is kept of who they are, as a file. */
export async function exportAll(identity: Identity, name: string): Promise<void> {
  const { identity_group_id: group, community_id, foreign_id } = identity;
  const { text } = await post<{ text: string }>('/identities/export', { format: 'json_lines', ...(group ? { identity_group_id: group } : { community_id, foreign_id }) });
  const address = URL.createObjectURL(new Blob([text], { type: 'application/jsonl' }));
  Object.assign(document.createElement('a'), { href: address, download: `${name}.jsonl` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function anonymise({ id }: Identity, name: string): void {
  if (!confirm(t('anonymise_sure', { name }))) return;
  put(`/identities/${id}/anonymize`)
    .then(() => {
      again();
      say(t('anonymised'));
    })
    .catch(complain);
}
