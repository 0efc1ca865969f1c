// The form of what there is once in an account: settings, and other systems that sign people in.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get, put } from '../api/client.ts';
import { client } from '../data.ts';
import { Failed, Skeleton } from '../ui/pieces.tsx';
import { words } from '../ui/toasts.tsx';
import { useNames } from './data.ts';
import { Form } from './form.tsx';
import type { Field, Made } from './kinds.ts';

interface Props {
  /** Where it is over REST. */
  path: string;
  /** The events that tell of it begin with this. */
  family: string;
  fields: Field[];
  /** Kinds that it names. */
  refers?: string[];
  /** What stands above it. */
  children?: (record: Made) => ReactNode;
}

export const AccountForm = ({ path, family, fields, refers = [], children }: Props) => {
  const key = ['admin', family, path];
  const read = (signal?: AbortSignal) => get<Made>(path, { extended: true }, signal);
  const { data, error, refetch } = useQuery({ queryKey: key, queryFn: ({ signal }) => read(signal) });
  const names = useNames(refers);
  if (error && !data) return <Failed message={words(error)} again={() => void refetch()} />;
  if (!data) return <Skeleton width="50%" />;
  return (
    <>
      {children?.(data)}
      <Form
        place={path}
        record={data}
        isNew={false}
        fields={fields}
        names={names}
        again={read}
        save={async (edits) => {
          await put(path, edits);
          if (path === '/settings') void client.invalidateQueries({ queryKey: ['screen'] });
          await client.invalidateQueries({ queryKey: key });
        }}
      />
    </>
  );
};
