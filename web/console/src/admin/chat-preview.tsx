// A page of a website with the chat in it, as it is saved: the toolbar in it says why a trigger fires or does not.

import { useState } from 'react';
import { Button } from '../ui/pieces.tsx';
import { useRecord } from './data.ts';
import { kindOf, type Made } from './kinds.ts';
import { w } from './words/index.ts';

const Preview = ({ record }: { record: Made }) => {
  const source = useRecord(kindOf('sources')!, record.source_id).data;
  const [written, write] = useState('cart');
  const [page, setPage] = useState('cart');
  const [times, again] = useState(0);
  if (!source?.widget_token) return null;
  const address = `/chat/${source.widget_token}/demo/${page}`;
  return (
    <section className="admin-part">
      <h2>{w('demo')}</h2>
      <p>{w('demo_lead')}</p>
      <form
        className="admin-tools"
        onSubmit={(event) => {
          event.preventDefault();
          setPage(written.replace(/^\/+/, ''));
          again(times + 1);
        }}
      >
        <label className="beside">
          <span>{w('demo_page')}</span>
          <input value={written} onChange={(event) => write(event.target.value)} placeholder="cart?custom_total=120" />
        </label>
        <Button type="submit">{w('demo_show')}</Button>
        <a className="button quiet" href={address} target="_blank" rel="noreferrer">
          {w('demo_apart')}
        </a>
      </form>
      <iframe key={`${record.updated_at} ${page} ${times}`} className="demo" title={w('demo')} src={address} />
    </section>
  );
};

export default Preview;
