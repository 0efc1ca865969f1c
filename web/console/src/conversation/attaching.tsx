// Files that go out with what somebody writes: chosen, dropped or pasted, and taken out again.

import { type ClipboardEvent, type Dispatch, type DragEvent, type HTMLAttributes, type SetStateAction, useRef, useState } from 'react';
import type { Attachment } from '../api/types.ts';
import { t } from '../language/index.ts';
import { Icon } from '../ui/icon.tsx';
import { IconButton } from '../ui/pieces.tsx';
import { complain, words } from '../ui/toasts.tsx';
import { save, size, upload } from './attached.tsx';

/** What the server takes (docs/operator/security.md). It would end the connection while the rest is on its way. */
const FILE_BYTES_MAX = 25 * 1024 * 1024;

export interface Attaching {
  files: Attachment[];
  setFiles: Dispatch<SetStateAction<Attachment[]>>;
  isUploading: boolean;
  /** Whether files are held over the place. */
  isOver: boolean;
  attach: (given: Iterable<File>) => Promise<void>;
  /** Of the place onto which files are dropped. */
  place: HTMLAttributes<HTMLElement>;
  /** Of a field into which they are pasted. */
  onPaste: (event: ClipboardEvent) => void;
}

/** `on`: whether files go out with it. `refuse`: says why one does not. */
export function useAttaching(on: boolean, refuse: (reason: string) => void): Attaching {
  const [files, setFiles] = useState<Attachment[]>([]);
  const [uploading, setUploading] = useState(0);
  const [isOver, setOver] = useState(false);
  const attach = async (given: Iterable<File>) => {
    // A list of a field is emptied with it.
    for (const file of [...given]) {
      if (file.size > FILE_BYTES_MAX) {
        refuse(t('file_too_large', { name: file.name, size: size(FILE_BYTES_MAX) }));
        continue;
      }
      setUploading((count) => count + 1);
      try {
        const made = await upload(file);
        setFiles((now) => [...now, made]);
      } catch (trouble) {
        refuse(t('named', { name: file.name, value: words(trouble) }));
      }
      setUploading((count) => count - 1);
    }
  };
  const take = (event: DragEvent | ClipboardEvent, given: FileList) => {
    event.preventDefault();
    setOver(false);
    if (on) void attach(given);
  };
  return {
    files,
    setFiles,
    isUploading: uploading > 0,
    isOver,
    attach,
    place: {
      onDragOver: (event) => {
        event.preventDefault();
        setOver(on);
      },
      onDragLeave: () => setOver(false),
      onDrop: (event) => take(event, event.dataTransfer.files),
    },
    onPaste: (event) => {
      if (on && event.clipboardData.files.length) take(event, event.clipboardData.files);
    },
  };
}

/** Opens the browser's own choice of files. */
export const Attach = ({ attach }: Pick<Attaching, 'attach'>) => {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton icon="attach" label={t('attach')} onClick={() => chooser.current?.click()} />
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          void attach(event.target.files ?? []);
          event.target.value = '';
        }}
      />
    </>
  );
};

/** Those that go out, within a list. */
export const Attached = ({ files, setFiles, isUploading }: Pick<Attaching, 'files' | 'setFiles' | 'isUploading'>) => (
  <>
    {files.map((file) => (
      <Chip key={file.id} icon="file" label={file.filename} look={() => void save(file).catch(complain)} remove={() => setFiles(files.filter(({ id }) => id !== file.id))} />
    ))}
    {isUploading && (
      <li className="chip" role="status">
        {t('uploading')}…
      </li>
    )}
  </>
);

export const Chip = ({ icon, label, look, remove }: { icon: 'file' | 'grid'; label: string; look?: () => void; remove: () => void }) => (
  <li className="chip">
    <Icon name={icon} size={14} />
    {look ? (
      <button type="button" className="chip-name" aria-label={t('download', { name: label })} onClick={look}>
        {label}
      </button>
    ) : (
      <span>{label}</span>
    )}
    <button type="button" aria-label={t('remove_file', { name: label })} onClick={remove}>
      <Icon name="cross" size={12} />
    </button>
  </li>
);
