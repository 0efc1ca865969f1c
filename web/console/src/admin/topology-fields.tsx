// A topology, step by step: a form of its document, which stays at hand as JSON, and the picture of what it says.

import { useId, useState } from 'react';
import { Icon } from '../ui/icon.tsx';
import type { FieldProps } from './fields.tsx';
import { labelOf } from './fields.tsx';
import { faultsOf, read, write } from './topology-document.ts';
import { Picture } from './topology-picture.tsx';
import { Queues, Steps } from './topology-steps.tsx';
import { w } from './words/index.ts';

const TopologyField = ({ field, record, change, names, problem, disabled = false }: FieldProps) => {
  const id = useId();
  const text = String(record.json_config ?? '');
  const document = read(text);
  // It opens by itself only where nothing else can be shown.
  const [isOpen, setOpen] = useState(!document);
  const faults = faultsOf(problem);
  // What the form has a place for is said there.
  const general = faults.filter(({ list }) => !document || !list);
  const shared = document && { document, faults, names, disabled, put: (next: typeof document) => change(field.name, write(next)) };
  return (
    <div className="topology">
      <div>
        {shared && (
          <>
            <Steps {...shared} label={w(labelOf(field))} />
            <Queues {...shared} />
          </>
        )}
        {general.map(({ reason }) => (
          <p key={reason} className="problem" role="alert">
            {reason}
          </p>
        ))}
      </div>
      {document && <Picture document={document} names={names} />}
      <details className="part" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <h2>{w('topology_json')}</h2>
          <Icon name="down" />
        </summary>
        <div className="field">
          <label htmlFor={id}>{w('topology_json_label')}</label>
          <textarea
            id={id}
            rows={14}
            spellCheck={false}
            dir="ltr"
            disabled={disabled}
            aria-invalid={!document || undefined}
            aria-describedby={`${id}-hint`}
            value={text}
            onChange={(event) => change(field.name, event.target.value)}
          />
          <p id={`${id}-hint`} className={document ? 'faint' : 'problem'}>
            {w(document ? 'topology_hint' : 'topology_unread')}
          </p>
        </div>
      </details>
    </div>
  );
};

export default TopologyField;
