// Who the customer is: what their channel tells, what colleagues know, and what else they wrote.

import type { ReactNode } from 'react';
import type { Thread } from '../api/types.ts';
import { useCustomFields, useGroup, useIdentitiesOfGroup, useIdentity, useSources, useTags, useThreadsOf } from '../data.ts';
import { t } from '../language/index.ts';
import { customerName } from '../names.ts';
import { address, go } from '../routes.ts';
import { age, date, useNow } from '../time.ts';
import { Avatar, IconButton, Skeleton } from '../ui/pieces.tsx';

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

const shown = (value: unknown): string => (Array.isArray(value) ? value.map(shown).join(', ') : typeof value === 'object' ? JSON.stringify(value) : String(value));
const distinct = (values: (string | null | undefined)[]): string[] => [...new Set(values.filter((value): value is string => !!value))];

export const Card = ({ thread, close }: { thread: Thread; close: () => void }) => {
  const { data: identity } = useIdentity(thread.customer?.id);
  const group = useGroup(identity?.identity_group_id);
  const siblings = useIdentitiesOfGroup(identity?.identity_group_id).filter(({ id }) => id !== identity?.id);
  const [tags, fields, sources] = [useTags(), useCustomFields(), useSources()];
  const others = useThreadsOf(identity && (identity.identity_group_id ? `identity_group:${identity.identity_group_id}` : `identity:${identity.id}`))?.filter(({ id }) => id !== thread.id);
  const now = useNow();
  const name = (group && distinct([group.firstname, group.lastname]).join(' ')) || customerName(thread);
  const emails = distinct([identity?.email, ...(group?.emails ?? [])]);
  const phones = distinct([identity?.mobile_phone, identity?.home_phone, ...(group?.mobile_phones ?? []), ...(group?.home_phones ?? [])]);
  const company = group?.company ?? identity?.company;
  const tagNames = group ? tags.filter(({ id }) => group.tag_ids.includes(id)) : [];
  const values = Object.entries(group?.custom_field_values ?? {});
  const extra = Object.entries(identity?.extra_values ?? {});
  return (
    <aside className="card" aria-label={t('customer')}>
      <header>
        <Avatar name={name} size="l" />
        <h2>{name}</h2>
        <IconButton icon="cross" label={t('close_dialog')} onClick={close} />
      </header>
      {thread.customer && !identity && <Skeleton width="60%" />}
      {identity && (
        <>
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
              <Fact label={t('since')}>{date(identity.created_at)}</Fact>
            </dl>
          </Part>
          {tagNames.length > 0 && (
            <Part title={t('tags')}>
              <p className="tags">
                {tagNames.map((tag) => (
                  <span key={tag.id} className="badge">
                    {tag.name}
                  </span>
                ))}
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
                  <Fact key={key} label={key}>
                    {shown(value)}
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
                    {sibling.display_name ?? t('unknown_customer')} <span className="faint">{sibling.type}</span>
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
    </aside>
  );
};
