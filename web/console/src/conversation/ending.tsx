// How a conversation ended: what has to be said before it is closed, asked until all of it is.

import { choosable } from '../actions.ts';
import { get, put } from '../api/client.ts';
import type { Id, Intervention } from '../api/types.ts';
import { chosen } from '../choosing.ts';
import { useCategories } from '../data.ts';
import { t } from '../language/index.ts';
import { touch } from '../live.ts';
import { Choice } from '../ui/choice.tsx';
import type { Option } from '../ui/options.tsx';

interface Endings {
  /** Whether something has to be said beside this. */
  isMissing: (said: Id[]) => boolean;
  /** What can be said; what has to be stands first. */
  options: (said: Id[]) => Option[];
  /** With one more, in place of the other one of a branch that takes one only. */
  with: (said: Id[], id: Id) => Id[];
  /** Says it of an intervention that was shown with some; a refusal where a colleague said otherwise meanwhile. */
  save: (intervention: Pick<Intervention, 'id' | 'thread_id'>, shown: Id[], said: Id[]) => Promise<void>;
}

export function useEndings(source: Id): Endings {
  const categories = useCategories();
  const all = choosable(categories, source).filter(({ root, id }) => root.post_qualification && (root.id !== id || !categories.some(({ parent_id }) => parent_id === id)));
  const rootOf = (id: Id) => all.find((one) => one.id === id)?.root;
  const isWanted = (said: Id[], root: Id) => all.some((one) => one.root.id === root && one.root.mandatory) && !said.some((id) => rootOf(id)?.id === root);
  return {
    isMissing: (said) => all.some(({ root }) => isWanted(said, root.id)),
    options: (said) => all.toSorted((one, other) => Number(isWanted(said, other.root.id)) - Number(isWanted(said, one.root.id))).map(({ id, path }) => ({ id, label: path })),
    with: (said, id) => {
      const root = rootOf(id);
      return [...said.filter((one) => one !== id && (root?.multiple || rootOf(one)?.id !== root?.id)), id];
    },
    save: async ({ id, thread_id }, shown, said) => {
      const added = said.filter((one) => !shown.includes(one));
      if (!added.length) return;
      const now = (await get<Intervention>(`/interventions/${id}`)).category_ids;
      await put(`/interventions/${id}/update_categories`, { category_ids: added.reduce((ids, one) => chosen(all, shown, ids, one), now) });
      touch(thread_id);
    },
  };
}

export const Ending = ({ endings, said, say, close }: { endings: Endings; said: Id[]; say: (said: Id[]) => void; close: () => void }) => (
  <Choice label={t('how_it_ended')} icon="down" bare open setOpen={(is) => !is && close()} options={endings.options(said)} pick={(id) => say(endings.with(said, id))} />
);
