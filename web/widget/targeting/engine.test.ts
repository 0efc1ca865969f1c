import { expect, test } from 'vitest';
import { builtIn, decide, type Situation } from './engine.ts';
import type { Trigger } from './types.ts';

const calm: Situation = {
  now: Date.UTC(2026, 10, 25, 10),
  pages: [{ page_path: '/', page_visit_duration: 0 }],
  variables: [],
  mode: 'chat',
  embedded: false,
  engaged: false,
  openThreads: false,
  executed: new Set(),
  executedInVisit: new Set(),
  stoppedBy: undefined,
  available: () => undefined,
  worksOffline: () => false,
  hasPlace: () => true,
};

const trigger = (id: string, more: Partial<Trigger> = {}): Trigger => ({ id, label: id.toUpperCase(), ...more });

function outcome(triggers: Trigger[], more: Partial<Situation> = {}) {
  const decision = decide(triggers, { ...calm, ...more });
  return {
    run: decision.run.map(({ trigger, mode }) => `${trigger.id} ${mode}`),
    ask: decision.ask,
    verdicts: decision.explanations.map((each) => each.verdict),
    next: decision.next,
    builtIn: decision.builtIn,
  };
}

// Embedded, engaged, Messaging, open conversation → the built-in trigger.
const BUILT_IN: [boolean, boolean, 'messaging' | 'chat', boolean, string | undefined][] = [
  [true, true, 'messaging', true, 'embedded'],
  [true, false, 'messaging', false, 'embedded'],
  // Embedding is for Messaging only.
  [true, false, 'chat', false, undefined],
  [false, true, 'messaging', true, 'continuation'],
  [false, true, 'chat', false, 'continuation'],
  [false, false, 'messaging', true, 'messaging'],
  [false, false, 'messaging', false, undefined],
  [false, false, 'chat', true, undefined],
];

test.each(BUILT_IN)('embedded %s, engaged %s, %s, open conversation %s: %s', (embedded, engaged, mode, open, first) => {
  const situation = { ...calm, embedded, engaged, mode, openThreads: open };
  expect(builtIn(situation)).toBe(first);
  const decision = decide([trigger('a')], situation);
  expect(decision.builtIn).toBe(first);
  // The first one that is met is the only one.
  expect(decision.run).toHaveLength(first ? 0 : 1);
  expect(decision.explanations[0]?.verdict).toBe(first ?? 'fires');
});

test('without conditions it is always met; several are executed in their order', () => {
  expect(outcome([trigger('a'), trigger('b')])).toMatchObject({ run: ['a online', 'b online'], next: Infinity });
});

test('conditions are combined with and, triggers with or', () => {
  const is = (value: string) => ({ criterion: 'page_path', operator: 'is', value });
  const triggers = [
    trigger('both', { conditions: [is('/'), is('/a')] }),
    trigger('one', { conditions: [is('/a')] }),
    trigger('other', { conditions: [is('/')] }),
  ];
  expect(outcome(triggers)).toMatchObject({ run: ['other online'], verdicts: ['conditions', 'conditions', 'fires'] });
});

test('a trigger is executed once on a page', () => {
  expect(outcome([trigger('a')], { executed: new Set(['a']) })).toMatchObject({ run: [], verdicts: ['fired'] });
});

test('once per visit holds over pages', () => {
  const triggers = [trigger('a', { once_per_visit: true }), trigger('b')];
  const situation = { executedInVisit: new Set(['a', 'b']) };
  expect(outcome(triggers, situation)).toMatchObject({ run: ['b online'], verdicts: ['once', 'fires'] });
});

test('a stopping trigger stops all later ones, now and after a reload, and not itself', () => {
  const triggers = [trigger('a'), trigger('b', { stops_others: true }), trigger('c')];
  expect(outcome(triggers)).toMatchObject({ run: ['a online', 'b online'], verdicts: ['fires', 'fires', 'stopped'] });
  expect(outcome(triggers, { stoppedBy: 'b' })).toMatchObject({
    run: ['b online'],
    verdicts: ['stopped', 'fires', 'stopped'],
  });
});

test('time makes conditions true: the next moment is told, the earliest one', () => {
  const after = (value: number) => ({ criterion: 'page_visit_duration', operator: 'greater_or_equal', value });
  const triggers = [trigger('a', { conditions: [after(30)] }), trigger('b', { conditions: [after(10)] })];
  expect(outcome(triggers)).toMatchObject({ run: [], next: calm.now + 10_000 });
  expect(outcome(triggers, { pages: [{ page_visit_duration: 10 }] })).toMatchObject({
    run: ['b online'],
    next: calm.now + 1000,
  });
  // What can fire no more is not waited for.
  expect(outcome(triggers, { executed: new Set(['a', 'b']) }).next).toBe(Infinity);
});

test('agents are asked for once the conditions are met, and the answer decides', () => {
  const triggers = [
    trigger('a', { only_if_available: true, conditions: [{ criterion: 'page_path', operator: 'is', value: '/a' }] }),
    trigger('b', { only_if_available: true }),
    trigger('c'),
  ];
  expect(outcome(triggers)).toMatchObject({ run: ['c online'], ask: ['b'], verdicts: ['conditions', 'asking', 'fires'] });
  expect(outcome(triggers, { available: () => true }).run).toEqual(['b online', 'c online']);
  expect(outcome(triggers, { available: () => false })).toMatchObject({ run: ['c online'], ask: [] });
});

test('later triggers wait for the answer to one that may stop them', () => {
  const triggers = [trigger('a', { only_if_available: true, stops_others: true }), trigger('b')];
  expect(outcome(triggers)).toMatchObject({ run: [], ask: ['a'], verdicts: ['asking', 'waiting'] });
  expect(outcome(triggers, { available: () => true })).toMatchObject({ run: ['a online'] });
  expect(outcome(triggers, { available: () => false })).toMatchObject({ run: ['b online'] });
});

test('Live Chat shows items that know how offline, and does not count as having stopped anything', () => {
  const triggers = [trigger('a', { only_if_available: true, stops_others: true }), trigger('b')];
  const away = { available: () => false, worksOffline: ({ id }: Trigger) => id === 'a' };
  expect(outcome(triggers, away).run).toEqual(['a offline', 'b online']);
  // Messaging is never offline.
  expect(outcome(triggers, { ...away, mode: 'messaging' }).run).toEqual(['b online']);
});

test('a trigger whose button has no place in the page is activated only, and stops nothing', () => {
  const triggers = [trigger('a', { stops_others: true }), trigger('b')];
  const decision = decide(triggers, { ...calm, hasPlace: ({ id }) => id !== 'a' });
  expect(decision.run.map(({ trigger, hasPlace }) => [trigger.id, hasPlace])).toEqual([
    ['a', false],
    ['b', true],
  ]);
  expect(decision.explanations.map(({ verdict }) => verdict)).toEqual(['no_place', 'fires']);
});

test('nothing is executed before it is known whether the visitor has an open conversation', () => {
  expect(outcome([trigger('a')], { mode: 'messaging', openThreads: undefined })).toMatchObject({
    run: [],
    verdicts: ['waiting'],
  });
  expect(outcome([trigger('a')], { mode: 'chat', openThreads: undefined }).run).toEqual(['a online']);
});

test('the explanation says what was found', () => {
  const conditions = [{ criterion: 'page_path', position: 'any', operator: 'starts_with', value: '/shop' }];
  const { explanations } = decide([trigger('a', { conditions })], {
    ...calm,
    pages: [{ page_path: '/' }, { page_path: '/about' }],
  });
  expect(explanations).toEqual([
    {
      trigger: trigger('a', { conditions }),
      verdict: 'conditions',
      checked: [{ condition: conditions[0], holds: false, found: ['/', '/about'] }],
    },
  ]);
});
