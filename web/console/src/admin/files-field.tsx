// Files that go out with what is written, in their order. Uploaded at once, they are nobody else's until the form is saved.

import { useQueries } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { get } from '../api/client.ts';
import type { Attachment } from '../api/types.ts';
import { save, upload } from '../conversation/attached.tsx';
import { client } from '../data.ts';
import { t } from '../language/index.ts';
import { Icon } from '../ui/icon.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain } from '../ui/toasts.tsx';
import { fieldOf } from './edits.ts';
import type { FieldProps } from './fields.tsx';
import { w } from './words/index.ts';

const named = (id: string) => ({ queryKey: ['attachment', id], queryFn: () => get<Attachment>(`/attachments/${id}`) });

const FilesField = ({ field, record, change, disabled }: FieldProps) => {
  const chooser = useRef<HTMLInputElement>(null);
  const [uploading, setUploading] = useState(false);
  const chosen = (fieldOf(record, field.name) as string[] | undefined) ?? [];
  const files = useQueries({ queries: chosen.map(named) });
  const attach = async (given: File[]) => {
    setUploading(true);
    let now = chosen;
    try {
      for (const file of given) {
        const made = await upload(file);
        client.setQueryData(named(made.id).queryKey, made);
        now = [...now, made.id];
        change(field.name, now);
      }
    } catch (trouble) {
      complain(trouble);
    }
    setUploading(false);
  };
  return (
    <div className="many">
      {chosen.map((id, at) => {
        const file = files[at]?.data;
        const name = file?.filename ?? '…';
        return (
          <span key={id} className="chip">
            <button type="button" className="chip-name" aria-label={t('download', { name })} disabled={!file} onClick={() => void (file && save(file).catch(complain))}>
              {name}
            </button>
            <button type="button" aria-label={w('take_out', { name })} disabled={disabled || uploading} onClick={() => change(field.name, chosen.filter((one) => one !== id))}>
              <Icon name="cross" size={12} />
            </button>
          </span>
        );
      })}
      <Button icon="attach" disabled={disabled || uploading} onClick={() => chooser.current?.click()}>
        {t(uploading ? 'uploading' : 'attach')}
      </Button>
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          void attach([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
    </div>
  );
};

export default FilesField;
