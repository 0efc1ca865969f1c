// Who the customer is: what their channel tells, what colleagues know, and what else they wrote.

import { lazy, type ReactNode, Suspense, useState } from 'react';
import { openOf } from '../actions.ts';
import { put } from '../api/client.ts';
import type { Identity, IdentityGroup, Thread, Visited } from '../api/types.ts';
import { useChoosing } from '../choosing.ts';
import { client, CONTENTS, useContents, useCustomFields, useGroup, useIdentitiesOfGroup, useIdentity, useInterventions, useSources, useTags, useThreadsOf, useVisited } from '../data.ts';
import { t } from '../language/index.ts';
import { customerName } from '../names.ts';
import { useMay, useMayHandle, useMayOn } from '../rights.tsx';
import { address, go } from '../routes.ts';
import { age, date, useNow } from '../time.ts';
import { Choice } from '../ui/choice.tsx';
import { Icon } from '../ui/icon.tsx';
import { Avatar, IconButton, Skeleton } from '../ui/pieces.tsx';
import { complain, say } from '../ui/toasts.tsx';
import { again, anonymise, exportAll, known, lock, mute } from './acts.ts';
import { factName, factValue, isTold, Page, shown } from './facts.tsx';

const Begin = lazy(() => import('../conversation/begin.tsx'));
const Case = lazy(() => import('./case.tsx'));
const Edit = lazy(() => import('./edit.tsx'));
const Merge = lazy(() => import('./merge.tsx'));

const Fact = ({ label, children }: { label: string; children: ReactNode }) => (
  <div>
    <dt>{label}</dt>
    <dd dir="auto">{children}</dd>
  </div>
);

const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <section>
    <h3>{title}</h3>
    {children}
  </section>
);

const distinct = (values: (string | null | undefined)[]): string[] => [...new Set(values.filter((value): value is string => !!value))];

export const Card = ({ thread, close }: { thread: Thread; close: () => void }) => {
  const { data: identity } = useIdentity(thread.customer?.id);
  const group = useGroup(identity?.identity_group_id);
  const siblings = useIdentitiesOfGroup(identity?.identity_group_id).filter(({ id }) => id !== identity?.id);
  const [tags, fields, sources] = [useTags(), useCustomFields(), useSources()];
  const others = useThreadsOf(identity && (identity.identity_group_id ? `identity_group:${identity.identity_group_id}` : `identity:${identity.id}`))?.filter(({ id }) => id !== thread.id);
  const now = useNow();
  const visited = useVisited(thread, sources);
  const interventions = useInterventions(thread.id);
  const contents = useContents(thread.id, CONTENTS).data?.contents ?? [];
  const [opened, setOpened] = useState<'edit' | 'merge' | 'begin' | 'more' | 'case'>();
  const name = (group && distinct([group.firstname, group.lastname]).join(' ')) || customerName(thread);
  const emails = distinct([identity?.email, ...(group?.emails ?? [])]);
  const phones = distinct([identity?.mobile_phone, identity?.home_phone, ...(group?.mobile_phones ?? []), ...(group?.home_phones ?? [])]);
  const company = group?.company ?? identity?.company;
  const tagNames = group ? tags.filter(({ id }) => group.tag_ids.includes(id)) : [];
  const values = Object.entries(group?.custom_field_values ?? {});
  const extra = Object.entries(identity?.extra_values ?? {});
  const facts: Record<string, unknown> = Object.assign({}, thread.extra_data, ...contents.map(({ context_data }) => context_data));
  // What is told of a visitor's page stands above it.
  const above = { ...visited?.custom, ...(visited?.page_url && { page_url: '', page_title: '' }) };
  const about = Object.entries(facts).filter(([key]) => !(key in above) && isTold(key, facts));
  const intervention = openOf(interventions) ?? interventions?.[0];
  const asked = fields.filter(({ associated_type_name }) => associated_type_name === 'Intervention');
  const [may, handle] = [useMay(), useMayHandle()];
  const mayEdit = may('update_identity');
  const writable = intervention && handle.change(intervention.user_id) ? asked.filter(({ read_only }) => !read_only) : [];
  const acts: Record<string, () => void> = {
    mute: () => identity && mute(identity),
    lock: () => group && lock(group),
    export: () => identity && void exportAll(identity, name).catch(complain),
    anonymise: () => identity && anonymise(identity, name),
  };
  const mayBegin = useMayOn(thread.source_id)('initiate_discussion');
  const options = identity
    ? [
        ...(mayEdit ? [{ id: 'edit', label: t('edit_customer') }, { id: 'merge', label: t('merge_with') }] : []),
        ...(identity.foreign_id && mayBegin ? [{ id: 'begin', label: t('write_first') }] : []),
        ...(may('mute_content') ? [{ id: 'mute', label: t(identity.muted ? 'unmute_customer' : 'mute_customer') }] : []),
        ...(group && may('lock_identity') ? [{ id: 'lock', label: t(group.locked ? 'unlock_customer' : 'lock_customer') }] : []),
        ...((group || identity.foreign_id) && may('export_identity') ? [{ id: 'export', label: t('export_customer') }] : []),
        ...(may('anonymize_identity') ? [{ id: 'anonymise', label: t('anonymise') }] : []),
      ]
    : [];
  return (
    <aside className="card" aria-label={t('customer')}>
      <header>
        <Avatar name={name} size="l" />
        <h2>{name}</h2>
        {options.length > 0 && (
          <Choice
            icon="more"
            bare
            label={t('customer_actions')}
            searched={false}
            open={opened === 'more'}
            setOpen={(is) => setOpened(is ? 'more' : undefined)}
            options={options}
            pick={(id) => setTimeout(() => (acts[id] ?? (() => setOpened(id as typeof opened)))())}
          />
        )}
        <IconButton icon="cross" label={t('close_dialog')} onClick={close} />
      </header>
      {thread.customer && !identity && <Skeleton width="60%" />}
      {identity && (
        <>
          {(identity.muted || group?.locked) && (
            <p className="tags">
              {identity.muted && <span className="badge">{t('muted')}</span>}
              {group?.locked && <span className="badge">{t('locked')}</span>}
            </p>
          )}
          <Part title={t('contact')}>
            <dl>
              {emails.map((email) => (
                <Fact key={email} label={t('email')}>
                  {email}
                </Fact>
              ))}
              {phones.map((phone) => (
                <Fact key={phone} label={t('phone')}>
                  {phone}
                </Fact>
              ))}
              {company && <Fact label={t('company')}>{company}</Fact>}
              {group?.gender && <Fact label={t('gender')}>{t(group.gender)}</Fact>}
              <Fact label={t('since')}>{date(identity.created_at)}</Fact>
            </dl>
          </Part>
          {visited && <Visit visited={visited} />}
          {tags.length > 0 && (
            <Part title={t('tags')}>
              <p className="tags">
                {tagNames.map((tag) => (
                  <span key={tag.id} className="badge">
                    {tag.name}
                  </span>
                ))}
                {mayEdit && <Tags identity={identity} group={group} tags={tags} />}
              </p>
            </Part>
          )}
          {group?.notes && (
            <Part title={t('notes')}>
              <p className="card-notes" dir="auto">
                {group.notes}
              </p>
            </Part>
          )}
          {values.length > 0 && (
            <Part title={t('fields')}>
              <dl>
                {values.map(([key, value]) => (
                  <Fact key={key} label={fields.find((field) => field.key === key)?.label ?? key}>
                    {shown(value)}
                  </Fact>
                ))}
              </dl>
            </Part>
          )}
          {extra.length > 0 && (
            <Part title={t('told_by_channel')}>
              <dl>
                {extra.map(([key, value]) => (
                  <Fact key={key} label={factName(key)}>
                    {factValue(key, value)}
                  </Fact>
                ))}
              </dl>
            </Part>
          )}
          {intervention && asked.length > 0 && (
            <Part title={t('case')}>
              <dl>
                {asked.map(({ key, label }) => (
                  <Fact key={key} label={label}>
                    {intervention.custom_fields[key] == null ? '–' : shown(intervention.custom_fields[key])}
                  </Fact>
                ))}
              </dl>
              {writable.length > 0 && (
                <button type="button" className="link" onClick={() => setOpened('case')}>
                  {t('edit_case')}
                </button>
              )}
            </Part>
          )}
          {about.length > 0 && (
            <Part title={t('about_conversation')}>
              <dl>
                {about.map(([key, value]) => (
                  <Fact key={key} label={factName(key)}>
                    {factValue(key, value)}
                  </Fact>
                ))}
              </dl>
            </Part>
          )}
          {siblings.length > 0 && (
            <Part title={t('other_channels')}>
              <ul>
                {siblings.map((sibling) => (
                  <li key={sibling.id}>
                    {sibling.display_name ?? t('unknown_customer')} <span className="faint">{sibling.type}</span>{' '}
                    {mayEdit && (
                      <button type="button" className="link" onClick={() => unmerge(sibling, group)}>
                        {t('unmerge')}
                      </button>
                    )}
                  </li>
                ))}
              </ul>
            </Part>
          )}
          <Part title={t('other_conversations')}>
            {!others && <Skeleton width="80%" />}
            {others?.length === 0 && <p className="faint">{t('no_other_conversations')}</p>}
            <ul className="card-threads">
              {others?.map((other) => {
                const to = { folder: 'all', thread: other.id, q: '', sort: 'newest' } as const;
                return (
                  <li key={other.id}>
                    <a
                      href={address(to)}
                      onClick={(event) => {
                        if (event.metaKey || event.ctrlKey) return;
                        event.preventDefault();
                        go(to);
                      }}
                    >
                      <span className="card-thread-text">{other.last_content?.excerpt || other.title || t('attachment_only')}</span>
                      <span className="faint">
                        {sources.find(({ id }) => id === other.source_id)?.name}
                        {other.last_content && ` · ${age(other.last_content.created_at, now)}`}
                      </span>
                    </a>
                  </li>
                );
              })}
            </ul>
          </Part>
        </>
      )}
      {identity && (
        <Suspense>
          {opened === 'edit' && <Edit identity={identity} group={group} close={() => setOpened(undefined)} />}
          {opened === 'begin' && <Begin identity={identity} close={() => setOpened(undefined)} />}
          {opened === 'case' && intervention && <Case intervention={intervention} fields={writable} close={() => setOpened(undefined)} />}
          {opened === 'merge' && <Merge identity={identity} close={() => setOpened(undefined)} />}
        </Suspense>
      )}
    </aside>
  );
};

/** Somebody else after all; which can be undone as well. */
function unmerge(sibling: Identity, group: IdentityGroup | undefined): void {
  put(`/identities/${sibling.id}/unmerge`)
    .then(() => {
      again();
      const undo = group && (() => void put(`/identity_groups/${group.id}/merge`, { associated_identity_id: sibling.id }).then(again, complain));
      say(t('unmerged', { name: sibling.display_name ?? t('unknown_customer') }), undo ? { undo } : {});
    })
    .catch(complain);
}

/** Tags are of the person: the first one makes a group of an identity that has none. */
const Tags = ({ identity, group, tags }: { identity: Identity; group: IdentityGroup | undefined; tags: { id: string; name: string }[] }) => {
  const [open, setOpen] = useState(false);
  const path = group ? `/identity_groups/${group.id}` : `/identities/${identity.id}/identity_group`;
  const { held, toggle } = useChoosing({
    held: group?.tag_ids ?? [],
    offered: [],
    read: async () => (await known(identity.id))?.tag_ids ?? [],
    write: (ids) => put<IdentityGroup>(path, { tag_ids: ids }),
    again: () => Promise.all([client.invalidateQueries({ queryKey: ['group', group?.id] }), client.invalidateQueries({ queryKey: ['identity', identity.id] })]),
  });
  return <Choice icon="plus" bare many label={t('tags')} open={open} setOpen={setOpen} options={tags.map(({ id, name }) => ({ id, label: name, checked: held.includes(id) }))} pick={toggle} />;
};

const PAGES_SHOWN = 5;

/** Where a visitor of a website is, and was. */
const Visit = ({ visited: { page_url, page_title, pages, custom } }: { visited: Visited }) => (
  <Part title={t('visit')}>
    {page_url && (
      <p className="visit-now">
        <Icon name="eye" size={14} />
        <Page url={page_url} title={page_title} />
      </p>
    )}
    <ul className="visit">
      {pages
        .filter(({ url }) => url !== page_url)
        .slice(0, PAGES_SHOWN)
        .map(({ url, title, at }) => (
          <li key={at + url}>
            <Page url={url} title={title} />
          </li>
        ))}
    </ul>
    {Object.keys(custom).length > 0 && (
      <dl>
        {Object.entries(custom).map(([key, value]) => (
          <Fact key={key} label={factName(key)}>
            {factValue(key, value)}
          </Fact>
        ))}
      </dl>
    )}
  </Part>
);
