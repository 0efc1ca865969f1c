// What whoever is signed in may do: by their role, and on each source. What would be refused for want of a right is not
// offered, and goes from the screen with the right. As long as nothing is known everything is offered: the server decides.

import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext } from 'react';
import { get } from './api/client.ts';
import { readAll } from './api/read.ts';
import type { Id } from './api/types.ts';
import { useMe } from './data.ts';

export type SourceRight = 'reply' | 'reply_with_html' | 'initiate_discussion' | 'destroy';

interface Rights {
  me: Id;
  role: Record<string, unknown>;
  sources: Record<Id, string[]>;
}

const Known = createContext<Rights | undefined>(undefined);

/** Asks once for all that is within. */
export const Rights = ({ children }: { children: ReactNode }) => {
  const me = useMe().data;
  const { data } = useQuery({
    queryKey: ['rights', me?.id, me?.role_id],
    queryFn: async ({ signal }): Promise<Rights> => {
      // One by itself is for who manages them; the list is for everybody.
      const [roles, sources] = await Promise.all([
        readAll<Rights['role']>('/roles', { extended: true }, signal),
        get<Rights['sources']>(`/users/${me?.id}/sources_permissions`, {}, signal),
      ]);
      return { me: me!.id, role: roles.records.find(({ id }) => id === me?.role_id) ?? {}, sources };
    },
    enabled: !!me,
    // While another role is read, what the last one allowed stands.
    placeholderData: (before) => before,
  });
  return <Known value={data}>{children}</Known>;
};

/** Whether the role has any of these permissions; without a name, whatever the role. */
export type May = (...any: string[]) => boolean;

/** Nothing as long as it is not known: for screens that are whole screens of a right. */
export function usePermissions(): May | undefined {
  const role = useContext(Known)?.role;
  return role && ((...any) => !any.length || any.some((permission) => role[permission]));
}

export const useMay = (): May => usePermissions() ?? (() => true);

/** Whether there is no source on which they may read; false as long as that is not known. */
export function useReadsNothing(): boolean {
  const sources = useContext(Known)?.sources;
  return !!sources && !Object.values(sources).some((rights) => rights.includes('read'));
}

export function useMayOn(source: Id | undefined): (right: SourceRight) => boolean {
  const sources = useContext(Known)?.sources;
  return (right) => !sources || !source || !!sources[source]?.includes(right);
}

/** What one may do with what is somebody's, or nobody's. */
export function useMayHandle(): Record<'assign' | 'change' | 'close', (owner: Id | null | undefined) => boolean> {
  const may = useMay();
  const me = useContext(Known)?.me;
  const isMine = (owner: Id | null | undefined) => !!me && owner === me;
  return {
    assign: (owner) => may('update_intervention', 'assign_intervention') || ((!owner || isMine(owner)) && may('update_own_intervention')),
    change: (owner) => may('update_intervention') || (isMine(owner) && may('update_own_intervention')),
    close: (owner) => isMine(owner) || may('update_intervention'),
  };
}
