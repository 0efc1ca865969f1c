// Files of a message. Pictures of kinds that can only be pictures are shown; everything else is saved, never opened here.

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { post, request } from '../api/client.ts';
import type { Attachment } from '../api/types.ts';
import { currentLocale, t } from '../language/index.ts';
import { Icon } from '../ui/icon.tsx';
import { complain, words } from '../ui/toasts.tsx';

const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
/** Larger pictures are not fetched before somebody wants them. */
const PICTURE_BYTES_MAX = 8 * 1024 * 1024;

/** With the token, which an address alone would not carry. */
const bytes = async (id: string): Promise<Blob> => (await request(`/attachments/${id}`)).blob();

export function size(count: number): string {
  const [value, unit] = count < 1024 * 1024 ? [Math.max(1, Math.round(count / 1024)), 'kilobyte'] : [Math.round(count / 1024 / 102.4) / 10, 'megabyte'];
  return new Intl.NumberFormat(currentLocale(), { style: 'unit', unit, unitDisplay: 'short' }).format(value);
}

/** Kept by the server until it is sent with something. */
export function upload(file: File): Promise<Attachment> {
  const form = new FormData();
  form.append('file', file, file.name);
  return post<Attachment>('/attachments', form);
}

export async function save(file: Attachment): Promise<void> {
  const address = URL.createObjectURL(await bytes(file.id));
  const link = document.createElement('a');
  link.href = address;
  link.download = file.filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export const Attached = ({ files }: { files: Attachment[] }) => (
  <ul className="attached">
    {files.map((file) => (
      <li key={file.id}>{PICTURES.includes(file.content_type) && file.size <= PICTURE_BYTES_MAX ? <Picture file={file} /> : <Saved file={file} />}</li>
    ))}
  </ul>
);

const Saved = ({ file }: { file: Attachment }) => (
  <button type="button" className="file" aria-label={t('download', { name: file.filename })} onClick={() => void save(file).catch(complain)}>
    <Icon name="file" />
    <span className="file-name">{file.filename}</span>
    <span className="file-size">{size(file.size)}</span>
  </button>
);

const Picture = ({ file }: { file: Attachment }) => {
  const { data, error } = useQuery({ queryKey: ['file', file.id], queryFn: () => bytes(file.id) });
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    // What it says it is counts here, not what a server once called it.
    if (!data) return;
    const made = URL.createObjectURL(data.slice(0, data.size, file.content_type));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [data, file.content_type]);
  if (error) return <p className="file-refused">{t('file_refused', { reason: words(error) })}</p>;
  return (
    <button type="button" className="picture" aria-label={t('download', { name: file.filename })} onClick={() => void save(file).catch(complain)}>
      {address ? <img src={address} alt={t('picture', { name: file.filename })} /> : <span className="skeleton block" />}
    </button>
  );
};
