// To whom conversations can be given: colleagues, or nobody again.

import type { Id, User } from '../api/types.ts';
import { t } from '../language/index.ts';
import { fullName } from '../names.ts';
import { Icon } from '../ui/icon.tsx';
import type { Option } from '../ui/options.tsx';
import { Avatar } from '../ui/pieces.tsx';

const NOBODY = 'nobody';

/** `isSomebodys`: whether nobody may be a change. */
export const assignees = (users: User[], me: User | undefined, isSomebodys: boolean): Option[] => [
  ...(isSomebodys ? [{ id: NOBODY, label: t('nobody'), before: <Icon name="tray" /> }] : []),
  ...users.filter(({ enabled }) => enabled).map((user) => ({ id: user.id, label: fullName(user), detail: user.id === me?.id ? t('you') : undefined, before: <Avatar name={fullName(user)} size="s" /> })),
];

/** Who was picked; none: nobody. */
export const assignee = (users: User[], id: Id): { id: Id; name: string } | undefined =>
  id === NOBODY ? undefined : { id, name: users.filter((user) => user.id === id).map(fullName).join() };
