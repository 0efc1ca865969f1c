// Two names, one person: they are found, shown side by side with what becomes of them, and merged. What cannot be told by a
// name alone is seen first.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get, put } from '../api/client.ts';
import type { Id, Identity, IdentityGroup, Page, Thread } from '../api/types.ts';
import { client, useGroup, useIdentity } from '../data.ts';
import { t } from '../language/index.ts';
import { useSource } from '../names.ts';
import { date } from '../time.ts';
import { Modal } from '../ui/modal.tsx';
import { Avatar, Button } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';

const FOUND_MAX = 12;

interface Found {
  id: Id;
  name: string;
  detail: string;
  group: Id | null;
}

/** By what they wrote, by the name of a person, or by an address. */
async function find(written: string, not: Identity): Promise<Found[]> {
  const words = written.trim();
  if (words.length < 2) return [];
  const [threads, ...groups] = await Promise.all([
    get<Page<Thread>>('/content_threads', { q: `text:"${words.replaceAll('"', '')}"`, extended: true, limit: FOUND_MAX }).catch(() => undefined),
    ...(['lastname', 'firstname', 'email'] as const).map((by) => get<Page<IdentityGroup>>('/identity_groups', { [by]: words, limit: 5 }).catch(() => undefined)),
  ]);
  const ids = groups.flatMap((page) => page?.records ?? []).map(({ id }) => id);
  const known = ids.length ? (await get<Page<Identity>>('/identities', { identity_group_ids: [...new Set(ids)].join(',') })).records : [];
  const writers = (threads?.records ?? []).flatMap(({ customer }) => (customer ? [customer.id] : []));
  const others = await Promise.all([...new Set(writers)].filter((id) => !known.some((one) => one.id === id)).map((id) => get<Identity>(`/identities/${id}`)));
  return [...known, ...others]
    .filter((one) => one.id !== not.id && (!not.identity_group_id || one.identity_group_id !== not.identity_group_id))
    .slice(0, FOUND_MAX)
    .map((one) => ({ id: one.id, name: one.display_name ?? t('unknown_customer'), detail: one.email ?? one.type, group: one.identity_group_id }));
}

const Merge = ({ identity, close }: { identity: Identity; close: () => void }) => {
  const [written, write] = useState('');
  const [asked, ask] = useState('');
  const [chosen, choose] = useState<Id>();
  const [busy, setBusy] = useState(false);
  const { data: found, isFetching } = useQuery({ queryKey: ['merge', identity.id, asked], queryFn: () => find(asked, identity), enabled: asked.length > 1, gcTime: 0 });
  const merge = async () => {
    if (!chosen) return;
    setBusy(true);
    try {
      // Somebody without a group gets one with the first thing that is known of them.
      const group = identity.identity_group_id ?? (await put<IdentityGroup>(`/identities/${identity.id}/identity_group`)).id;
      await put(`/identity_groups/${group}/merge`, { associated_identity_id: chosen });
      for (const kind of ['identity', 'identities', 'group', 'threads']) void client.invalidateQueries({ queryKey: [kind] });
      const undo = () => void put(`/identities/${chosen}/unmerge`).then(() => client.invalidateQueries(), complain);
      say(t('merged'), { undo });
      close();
    } catch (trouble) {
      complain(trouble);
      setBusy(false);
    }
  };
  return (
    <Modal title={t('merge_with')} close={close} wide>
      <div className="modal-body">
        <form
          role="search"
          className="item"
          onSubmit={(event) => {
            event.preventDefault();
            choose(undefined);
            ask(written.trim());
          }}
        >
          <input aria-label={t('merge_find')} placeholder={t('merge_find')} value={written} autoFocus onChange={(event) => write(event.target.value)} />
          <Button type="submit" icon="search">
            {t('search_button')}
          </Button>
        </form>
        {!found && !isFetching && <p className="faint">{t('merge_hint')}</p>}
        {found && !found.length && !isFetching && <p className="faint">{t('no_match')}</p>}
        {!chosen && !!found?.length && (
          <ul className="found">
            {found.map(({ id, name, detail }) => (
              <li key={id}>
                <button type="button" className="option" onClick={() => choose(id)}>
                  <Avatar name={name} size="s" />
                  <span className="option-label">{name}</span>
                  <span className="option-detail">{detail}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
        {chosen && (
          <>
            <div className="side-by-side">
              <Side id={identity.id} role={t('merge_stays')} />
              <Side id={chosen} role={t('merge_joins')} />
            </div>
            <p className="faint">{t('merge_lead')}</p>
          </>
        )}
      </div>
      <footer className="modal-foot">
        <Button onClick={chosen ? () => choose(undefined) : close}>{chosen ? t('back') : t('cancel')}</Button>
        <Button look="main" disabled={!chosen || busy} onClick={() => void merge()}>
          {t('merge')}
        </Button>
      </footer>
    </Modal>
  );
};

/** One of the two, with what tells them apart. */
const Side = ({ id, role }: { id: Id; role: string }) => {
  const { data: identity } = useIdentity(id);
  const group = useGroup(identity?.identity_group_id);
  const latest = useQuery({
    queryKey: ['threads', `identity:${id}`, 'latest'],
    queryFn: async ({ signal }) => (await get<Page<Thread>>('/content_threads', { q: `identity:${id}`, extended: true, limit: 1 }, signal)).records[0],
  }).data;
  const source = useSource(latest?.source_id);
  const name = identity?.display_name ?? '…';
  const facts = [
    [t('email'), [identity?.email, ...(group?.emails ?? [])]],
    [t('phone'), [identity?.mobile_phone, ...(group?.mobile_phones ?? [])]],
    [t('company'), [group?.company ?? identity?.company]],
    [t('notes'), [group?.notes]],
    [t('source'), [source?.name]],
    [t('since'), [identity && date(identity.created_at)]],
    [t('latest_words'), [latest?.last_content?.excerpt]],
  ] as const;
  return (
    <section className="side">
      <small>{role}</small>
      <h3>
        <Avatar name={name} size="s" /> {name}
      </h3>
      <dl>
        {facts.map(([label, values]) => {
          const told = [...new Set(values.filter(Boolean))].join(', ');
          return told ? (
            <div key={label}>
              <dt>{label}</dt>
              <dd dir="auto">{told}</dd>
            </div>
          ) : null;
        })}
      </dl>
    </section>
  );
};

export default Merge;
