// Moments that people choose: some that are often wanted, and any other.

import { type ComponentProps, lazy, Suspense, useState } from 'react';
import { t } from '../language/index.ts';
import { ahead, moment } from '../time.ts';
import { Choice } from './choice.tsx';

const When = lazy(() => import('./when.tsx'));

const HOUR = 3_600;
/** When the working day begins. */
const MORNING = 9;

/** Those so many seconds ahead, and the next mornings. */
function moments(rates: number[]): { id: string; label: string; at: Date }[] {
  const now = Date.now();
  const tomorrow = new Date();
  tomorrow.setDate(tomorrow.getDate() + 1);
  tomorrow.setHours(MORNING, 0, 0, 0);
  const monday = new Date(tomorrow);
  monday.setDate(monday.getDate() + ((8 - monday.getDay()) % 7));
  return [
    ...rates.map((seconds) => ({ id: `${seconds}`, label: ahead(seconds), at: new Date(now + seconds * 1_000) })),
    { id: 'tomorrow', label: t('tomorrow'), at: tomorrow },
    { id: 'week', label: t('next_week'), at: monday },
  ];
}

type Props = Omit<ComponentProps<typeof Choice>, 'options' | 'pick' | 'searched'> & {
  /** What can be chosen before the moments. */
  first?: { id: string; label: string; act: () => void }[];
  /** Seconds ahead that can be chosen. */
  rates?: number[] | undefined;
  pick: (at: Date) => void;
  /** Above the field of another time; the label when absent. */
  title?: string;
};

export const Moments = ({ first = [], rates = [HOUR, 3 * HOUR], pick, label, title = label, ...choice }: Props) => {
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Choice
        {...choice}
        label={label}
        searched={false}
        options={choice.open ? [...first.map(({ id, label }) => ({ id, label })), ...moments(rates).map(({ id, label, at }) => ({ id, label, detail: moment(at.toISOString()) })), { id: 'other', label: t('other_time') }] : []}
        pick={(id) => {
          if (id === 'other') return setAsks(true);
          const at = moments(rates).find((one) => one.id === id)?.at;
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
