// What can be done with a folder that somebody made.

import { useState } from 'react';
import { destroy, get, put } from '../api/client.ts';
import type { Folder } from '../api/types.ts';
import { client } from '../data.ts';
import { t } from '../language/index.ts';
import { go, goToFolder } from '../routes.ts';
import { Choice } from '../ui/choice.tsx';
import { complain, say } from '../ui/toasts.tsx';

const again = (): Promise<void> => client.invalidateQueries({ queryKey: ['folders'] });

export const FolderMenu = ({ folder }: { folder: Folder }) => {
  const [open, setOpen] = useState(false);
  const change = (to: Partial<Folder>) => put(`/folders/${folder.id}`, to).then(again).catch(complain);
  const acts: Record<string, () => void | Promise<unknown>> = {
    edit: () => go({ folder: 'search', q: folder.query, thread: undefined }),
    rename: async () => {
      const label = prompt(t('search_save_name'), folder.label)?.trim();
      if (!label || label === folder.label) return;
      const now = await get<Folder>(`/folders/${folder.id}`);
      if (now.label === folder.label || now.label === label) return change({ label });
      await again();
      say(t('changed_by_other', { value: now.label }), { bad: true, ms: 12_000 });
    },
    count: () => change({ render_threads_count: !folder.render_threads_count }),
    remove: () => {
      if (!confirm(t('folder_remove_sure', { name: folder.label }))) return;
      destroy(`/folders/${folder.id}`)
        .then(() => {
          goToFolder('waiting');
          say(t('folder_removed'));
          return again();
        })
        .catch(complain);
    },
  };
  return (
    <Choice
      icon="more"
      bare
      label={t('folder_actions')}
      open={open}
      setOpen={setOpen}
      searched={false}
      options={[
        { id: 'edit', label: t('folder_edit') },
        { id: 'rename', label: t('folder_rename') },
        { id: 'count', label: t(folder.render_threads_count ? 'folder_uncount' : 'folder_count') },
        { id: 'remove', label: t('folder_remove') },
      ]}
      pick={(id) => setTimeout(() => void acts[id]?.()?.catch(complain))}
    />
  );
};
