// A source, step by step: what kind of place it is, what it is called, whose customers it shares.

import { type FormEvent, useState } from 'react';
import { post, Refusal } from '../api/client.ts';
import { Icon } from '../ui/icon.tsx';
import { Button } from '../ui/pieces.tsx';
import { complain, words } from '../ui/toasts.tsx';
import { changed, useRecords } from './data.ts';
import { kindOf, type Made } from './kinds.ts';
import { type Word, w } from './words/index.ts';

const PLACES = [
  { type: 'mobile_messaging', icon: 'reply', community: 'mobile_messaging' },
  { type: 'chat', icon: 'person', community: 'mobile_messaging' },
  { type: 'sdk', icon: 'stack', community: 'sdk' },
] as const;

const SetUp = ({ done }: { done: (record: Made) => void }) => {
  const communities = useRecords(kindOf('communities')!).data?.records ?? [];
  const [type, setType] = useState<(typeof PLACES)[number]['type']>('mobile_messaging');
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
      const body = { type, name: given.name, community_id: community, ...(given.base_uri && { base_uri: given.base_uri }) };
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
      {type === 'sdk' && (
        <div className="field">
          <label htmlFor="source-uri">{w('f_base_uri')}</label>
          <input id="source-uri" name="base_uri" type="url" placeholder="https://" aria-describedby="source-uri-hint" />
          <p className="faint" id="source-uri-hint">
            {w('f_base_uri_hint')}
          </p>
        </div>
      )}
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
