// Moments that people choose: some that are often wanted, and any other.

import { type ComponentProps, lazy, Suspense, useState } from 'react';
import { t } from '../language/index.ts';
import { moment } from '../time.ts';
import { Choice } from './choice.tsx';

const When = lazy(() => import('./when.tsx'));

const HOUR_MS = 3_600_000;
/** When the working day begins. */
const MORNING = 9;

function moments(): { id: string; label: string; at: Date }[] {
  const now = Date.now();
  const tomorrow = new Date();
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(MORNING, 0, 0, 0);
  const monday = new Date(tomorrow);
  monday.setDate(monday.getDate() + ((8 - monday.getDay()) % 7));
  return [
    { id: 'hour', label: t('in_an_hour'), at: new Date(now + HOUR_MS) },
    { id: 'later', label: t('later_today'), at: new Date(now + 3 * HOUR_MS) },
    { id: 'tomorrow', label: t('tomorrow'), at: tomorrow },
    { id: 'week', label: t('next_week'), at: monday },
  ];
}

type Props = Omit<ComponentProps<typeof Choice>, 'options' | 'pick' | 'searched'> & {
  /** What can be chosen before the moments. */
  first?: { id: string; label: string; act: () => void }[];
  pick: (at: Date) => void;
  /** Above the field of another time; the label when absent. */
  title?: string;
};

export const Moments = ({ first = [], pick, label, title = label, ...choice }: Props) => {
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Choice
        {...choice}
        label={label}
        searched={false}
        options={choice.open ? [...first.map(({ id, label }) => ({ id, label })), ...moments().map(({ id, label, at }) => ({ id, label, detail: moment(at.toISOString()) })), { id: 'other', label: t('other_time') }] : []}
        pick={(id) => {
          if (id === 'other') return setAsks(true);
          const at = moments().find((one) => one.id === id)?.at;
          if (at) pick(at);
          else first.find((one) => one.id === id)?.act();
        }}
      />
      {asks && (
        <Suspense>
          <When label={title} pick={pick} close={() => setAsks(false)} />
        </Suspense>
      )}
    </>
  );
};
