// The folders with how much is in each, and who is signed in.

import type { Folder } from '../api/types.ts';
import { useCount, useFolders } from '../data.ts';
import { Account } from '../account.tsx';
import { currentLocale, t, useLanguage } from '../language/index.ts';
import { goToFolder } from '../routes.ts';
import { Icon, type IconName } from '../ui/icon.tsx';
import { Mark } from '../ui/mark.tsx';
import { IconButton } from '../ui/pieces.tsx';
import { Presence } from '../tasks/tasks.tsx';
import { OWN } from './folders.ts';

/** Larger counts say no more. */
const COUNT_MAX = 9_999;

interface LineProps {
  folder: string;
  label: string;
  query: string;
  icon: IconName;
  current: boolean;
  counted?: boolean;
  always?: boolean;
  depth?: number;
  done: () => void;
}

const Line = ({ folder, label, query, icon, current, counted = true, always = true, depth = 0, done }: LineProps) => {
  const count = useCount(query, counted).data;
  if (!always && !count && !current) return null;
  return (
    <li>
      <a
        className="folder"
        href={`/inbox/${folder}`}
        aria-current={current ? 'page' : undefined}
        style={depth ? { paddingInlineStart: `calc(var(--space-3) + ${depth} * var(--space-4))` } : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          goToFolder(folder);
          done();
        }}
      >
        <Icon name={icon} />
        <span className="folder-label">{label}</span>
        {counted && !!count && <span className="count">{count > COUNT_MAX ? `${COUNT_MAX}+` : new Intl.NumberFormat(currentLocale()).format(count)}</span>}
      </a>
    </li>
  );
};

/** Children behind their parents, with their depth; a folder whose parent is not seen stands by itself. */
export function tree(folders: Folder[]): [Folder, number][] {
  const known = new Set(folders.map(({ id }) => id));
  const sorted = folders.toSorted((a, b) => a.position - b.position);
  const found: [Folder, number][] = [];
  const visit = (parent: string | null, depth: number): void => {
    for (const folder of sorted) {
      const above = folder.parent_id && known.has(folder.parent_id) ? folder.parent_id : null;
      if (above !== parent || found.length > folders.length) continue;
      found.push([folder, depth]);
      visit(folder.id, depth + 1);
    }
  };
  visit(null, 0);
  return found;
}

export const Folders = ({ folder, close, palette, help }: { folder: string; close: () => void; palette: () => void; help: () => void }) => {
  useLanguage();
  const saved = useFolders();
  return (
    <nav className="folders" aria-label={t('folders')}>
      <header>
        <Mark />
        <span className="brand">Frontdesk</span>
        <IconButton icon="search" label={t('palette')} keys="Ctrl K" onClick={palette} />
      </header>
      <div className="folders-scroll">
        <ul>
          {OWN.map(({ key, label, query, icon, always }) => (
            <Line key={key} folder={key} label={t(label)} query={query} icon={icon} always={always} current={folder === key} counted={key !== 'all'} done={close} />
          ))}
        </ul>
        {!!saved.length && (
          <>
            <h2>{t('saved_folders')}</h2>
            <ul>
              {tree(saved).map(([{ id, label, query, render_threads_count }, depth]) => (
                <Line key={id} folder={id} label={label} query={query} icon="folder" depth={depth} current={folder === id} counted={render_threads_count} done={close} />
              ))}
            </ul>
          </>
        )}
      </div>
      <Presence />
      <Account help={help} />
    </nav>
  );
};
