// A source, step by step: what kind of place it is, what it is called, whose customers it shares.

import { type FormEvent, useState } from 'react';
import { post, Refusal } from '../api/client.ts';
import { Icon, type IconName } from '../ui/icon.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain, words } from '../ui/toasts.tsx';
import { changed, useRecords } from './data.ts';
import { kindOf, type Made } from './kinds.ts';
import { hint, type Word, w } from './words/index.ts';

interface Place {
  type: string;
  icon: IconName;
  community: string;
  /** What is asked for at once; the rest is set afterwards. */
  asks?: readonly { name: string; needed?: boolean; secret?: boolean; url?: boolean }[];
}

const APP = [{ name: 'facebook_page_id', needed: true }, { name: 'facebook_app_id', needed: true }, { name: 'facebook_app_secret', needed: true, secret: true }] as const;

const PLACES: Place[] = [
  { type: 'mobile_messaging', icon: 'reply', community: 'mobile_messaging' },
  { type: 'chat', icon: 'person', community: 'mobile_messaging' },
  { type: 'facebook', icon: 'file', community: 'facebook', asks: APP },
  { type: 'messenger', icon: 'send', community: 'messenger', asks: APP },
  {
    type: 'youtube',
    icon: 'eye',
    community: 'youtube',
    asks: [
      { name: 'youtube_channel_id', needed: true },
      { name: 'youtube_client_id', needed: true },
      { name: 'youtube_client_secret', needed: true, secret: true },
      { name: 'youtube_refresh_token', secret: true },
    ],
  },
  {
    type: 'twtr',
    icon: 'bolt',
    community: 'twtr',
    asks: [
      { name: 'x_user_id', needed: true },
      { name: 'x_consumer_secret', needed: true, secret: true },
      { name: 'x_client_id', needed: true },
      { name: 'x_client_secret', secret: true },
      { name: 'x_refresh_token', secret: true },
    ],
  },
  { type: 'sdk', icon: 'stack', community: 'sdk', asks: [{ name: 'base_uri', url: true }] },
];

const SetUp = ({ done }: { done: (record: Made) => void }) => {
  const communities = useRecords(kindOf('communities')!).data?.records ?? [];
  const [type, setType] = useState('mobile_messaging');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const place = PLACES.find((one) => one.type === type)!;
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>;
    setBusy(true);
    setProblem('');
    try {
      let community = given.community_id;
      if (!community) {
        community = (await post<Made>('/communities', { type: place.community, name: given.name })).id;
      }
      const asked = (place.asks ?? []).map(({ name }) => [name, given[name]?.trim()] as const).filter(([, value]) => value);
      const body = { type, name: given.name, community_id: community, ...Object.fromEntries(asked) };
      const source = await post<Made>('/content_sources?extended=true', body);
      void changed(kindOf('communities')!);
      done(source);
    } catch (trouble) {
      if (trouble instanceof Refusal) setProblem(words(trouble));
      else complain(trouble);
      setBusy(false);
    }
  };
  return (
    <form className="form" onSubmit={submit}>
      <fieldset className="places">
        <legend>{w('source_kind')}</legend>
        {PLACES.map(({ type: one, icon }) => (
          <label key={one} className="place">
            <input type="radio" name="type" value={one} checked={one === type} onChange={() => setType(one)} />
            <Icon name={icon} size={20} />
            <strong>{w(`kind_${one}` as Word)}</strong>
            <span>{w(`kind_${one}_lead` as Word)}</span>
          </label>
        ))}
      </fieldset>
      <div className="field">
        <label htmlFor="source-name">{w('f_name')}</label>
        <input id="source-name" name="name" required maxLength={255} autoComplete="off" />
      </div>
      {place.asks?.map(({ name, needed, secret, url }) => (
        <div key={name} className="field">
          <label htmlFor={`source-${name}`}>{w(`f_${name}` as Word)}</label>
          <input
            id={`source-${name}`}
            name={name}
            required={!!needed}
            type={url ? 'url' : secret ? 'password' : 'text'}
            autoComplete={secret ? 'new-password' : 'off'}
            placeholder={url ? 'https://' : undefined}
            aria-describedby={hint(`f_${name}`) ? `source-${name}-hint` : undefined}
          />
          {hint(`f_${name}`) && (
            <p className="faint" id={`source-${name}-hint`}>
              {hint(`f_${name}`)}
            </p>
          )}
        </div>
      ))}
      <div className="field">
        <label htmlFor="source-community">{w('f_community_id')}</label>
        <select key={place.community} id="source-community" name="community_id" defaultValue="">
          <option value="">{w('new_community')}</option>
          {communities
            .filter((community) => community.type === place.community)
            .map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
        </select>
      </div>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <div className="form-foot">
        <Button type="submit" look="main" disabled={busy}>
          {w('create')}
        </Button>
      </div>
    </form>
  );
};

export default SetUp;
