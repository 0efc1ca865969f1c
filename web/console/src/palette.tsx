// Everything that can be done or gone to, by its name.

import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { get } from './api/client.ts';
import type { Page, Thread } from './api/types.ts';
import { useFolders } from './data.ts';
import { OWN } from './inbox/folders.ts';
import { isBound, SHORTCUTS } from './keyboard.ts';
import { choose, currentLocale, t } from './language/index.ts';
import { customerName } from './names.ts';
import { toggleNotices, useNotices } from './notices.ts';
import { go, goToFolder, route, visit } from './routes.ts';
import { signOut } from './session.ts';
import { theme, wear } from './theme.ts';
import { Icon } from './ui/icon.tsx';
import { type Option, Options } from './ui/options.tsx';

/** Keys that act on the open conversation. */
const ON_CONVERSATION = ['R', 'C', 'E', 'A', 'L', 'D', 'F', 'I'];

/** Milliseconds after the last letter, before conversations are looked for. */
const PAUSE_MS = 250;
const FOUND_MAX = 6;

/** Conversations that hold these words. */
function useFound(written: string): Thread[] {
  const [asked, ask] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => ask(written.length > 1 ? written : ''), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [written]);
  const found = useQuery({
    queryKey: ['threads', asked, 'palette'],
    queryFn: async ({ signal }) => (await get<Page<Thread>>('/content_threads', { q: `text:"${asked.replaceAll('"', '')}"`, extended: true, limit: FOUND_MAX }, signal)).records,
    enabled: asked !== '',
    gcTime: 0,
  }).data;
  return written.length > 1 ? (found ?? []) : [];
}

/** The parts of administration that are theirs, loaded with the first palette. */
function useSections(): Awaited<ReturnType<typeof import('./admin/sections.ts')['mine']>> {
  const queryFn = ({ signal }: { signal: AbortSignal }) => import('./admin/sections.ts').then(({ mine }) => mine(signal));
  return useQuery({ queryKey: ['admin', 'role', 'sections', currentLocale()], queryFn }).data ?? [];
}

const Palette = ({ close, help, begin }: { close: () => void; help: () => void; begin: () => void }) => {
  const folders = useFolders();
  const [written, write] = useState('');
  const threads = useFound(written);
  const notices = useNotices();
  const sections = useSections();
  const options: (Option & { act: () => void })[] = [];
  if (route()?.thread) {
    for (const { keys, label } of SHORTCUTS.filter(({ keys }) => ON_CONVERSATION.includes(keys) && isBound(keys))) {
      // As if the key was pressed, once this is gone.
      const act = () => setTimeout(() => dispatchEvent(new KeyboardEvent('keydown', { key: keys.toLowerCase() })), 50);
      options.push({ id: `key-${keys}`, label: t(label), keys, group: t('conversation'), act });
    }
  }
  options.push({ id: 'begin', label: t('begin'), keys: 'W', group: t('conversations'), act: () => setTimeout(begin) });
  for (const { key, label, icon } of OWN) {
    options.push({ id: `own-${key}`, label: t(label), before: <Icon name={icon} />, group: t('folders'), act: () => goToFolder(key) });
  }
  for (const { id, label } of folders) options.push({ id, label, before: <Icon name="folder" />, group: t('folders'), act: () => goToFolder(id) });
  options.push({ id: 'admin', label: t('admin'), before: <Icon name="gear" />, group: t('go_to'), act: () => visit('/admin') });
  for (const { to, label, icon } of sections) options.push({ id: to, label, detail: t('admin'), before: <Icon name={icon} />, group: t('go_to'), act: () => visit(to) });
  options.push({ id: 'account', label: t('security'), before: <Icon name="lock" />, group: t('go_to'), act: () => visit('/account') });
  const look = t('appearance');
  for (const [wanted, label] of [
    ['system', 'theme_system'],
    ['light', 'theme_light'],
    ['dark', 'theme_dark'],
  ] as const) {
    if (theme() !== wanted) options.push({ id: `theme-${wanted}`, label: t(label), detail: t('theme'), group: look, act: () => wear(wanted) });
  }
  for (const [wanted, label] of [
    ['en', 'English'],
    ['fr', 'Français'],
  ] as const) {
    if (currentLocale() !== wanted) options.push({ id: `language-${wanted}`, label, detail: t('language'), group: look, act: () => void choose(wanted) });
  }
  if (notices !== undefined) options.push({ id: 'notices', label: t(notices ? 'notices_off' : 'notices_on'), group: look, act: () => toggleNotices(!notices) });
  options.push({ id: 'help', label: t('shortcuts'), keys: '?', group: look, act: () => setTimeout(help) });
  options.push({ id: 'out', label: t('sign_out'), group: look, act: () => void signOut() });
  for (const thread of threads) {
    const act = () => go({ folder: 'all', thread: thread.id, q: '' });
    options.push({ id: thread.id, label: customerName(thread), detail: (thread.last_content?.excerpt ?? '').slice(0, 60), found: true, group: t('conversations'), act });
  }
  if (written.length > 1) {
    options.push({ id: 'search', label: t('search_for', { words: written }), before: <Icon name="search" />, found: true, group: t('conversations'), act: () => go({ folder: 'search', q: written, thread: undefined }) });
  }
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog palette" aria-label={t('palette')}>
          <Options
            label={t('palette')}
            placeholder={t('palette_placeholder')}
            options={options}
            onWrite={write}
            pick={(id) => {
              close();
              options.find((option) => option.id === id)?.act();
            }}
          />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
};

export default Palette;
