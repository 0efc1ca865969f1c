// What people and things are called.

import { useMemo } from 'react';
import { useMe, useSources, useUsers } from './data.ts';
import type { Id, Source, Thread, User } from './api/types.ts';
import { t } from './language/index.ts';

export const fullName = (user: User): string => user.nickname || `${user.firstname} ${user.lastname}`.trim() || user.email;

/** The name of a colleague; of somebody who has left, or whom one may not see, no more than that. */
export function useUserName(): (id: Id | null | undefined) => string {
  const me = useMe().data;
  const users = useUsers();
  return useMemo(() => {
    const names = new Map(users.map((user) => [user.id, fullName(user)]));
    if (me) names.set(me.id, fullName(me));
    return (id) => (id ? (names.get(id) ?? t('colleague')) : t('nobody'));
  }, [me, users]);
}

export function useSource(id: Id | undefined): Source | undefined {
  return useSources().find((source) => source.id === id);
}

export const customerName = (thread: Thread): string => thread.customer?.display_name || t('unknown_customer');
