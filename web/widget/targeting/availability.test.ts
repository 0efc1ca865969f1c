import { expect, test } from 'vitest';
import { type Answer, Gate, RETRY_SECONDS } from './availability.ts';

function gate(answers: (Answer | Error)[], chance = 0.5) {
  const clock = { now: 1_000_000 };
  const asked: string[][] = [];
  let told = 0;
  const ask = async (ids: string[]) => {
    asked.push(ids);
    const answer = answers.shift() ?? { triggers: {} };
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const made = new Gate(ask, () => chance, () => clock.now, () => told++);
  return { gate: made, clock, asked, told: () => told };
}

test('one request for all, asked once, kept', async () => {
  const { gate: it, asked, told } = gate([{ triggers: { a: 1, b: 0 } }]);
  expect(it.open('a')).toBeUndefined();
  const first = it.request(['a', 'b']);
  await it.request(['a', 'b']);
  await first;
  expect(asked).toEqual([['a', 'b']]);
  expect([it.open('a'), it.open('b'), told()]).toEqual([true, false, 1]);
  expect(it.next()).toBe(Infinity);
});

test('a probability between is drawn once', async () => {
  const lucky = gate([{ triggers: { a: 0.6 } }], 0.59);
  await lucky.gate.request(['a']);
  expect(lucky.gate.open('a')).toBe(true);
  const unlucky = gate([{ triggers: { a: 0.6 } }], 0.6);
  await unlucky.gate.request(['a']);
  expect(unlucky.gate.open('a')).toBe(false);
  // The extremes leave nothing to chance.
  for (const chance of [0, 0.999]) {
    const { gate: it } = gate([{ triggers: { a: 1, b: 0 } }], chance);
    await it.request(['a', 'b']);
    expect([it.open('a'), it.open('b')]).toEqual([true, false]);
  }
});

test('a refusal is asked about again when the server says so', async () => {
  const { gate: it, clock } = gate([{ triggers: { a: 0, b: 1 }, retry_after: 30 }, { triggers: { a: 1 } }]);
  await it.request(['a', 'b']);
  expect(it.next()).toBe(clock.now + 30_000);
  clock.now += 30_000;
  expect([it.open('a'), it.open('b')]).toEqual([undefined, true]);
  expect(it.next()).toBe(Infinity);
  await it.request(['a']);
  expect(it.open('a')).toBe(true);
});

test('an eager server cannot make a visitor hammer it', async () => {
  const { gate: it, clock } = gate([{ triggers: { a: 0 }, retry_after: 0.001 }]);
  await it.request(['a']);
  expect(it.next()).toBe(clock.now + 5000);
});

test('no answer is a refusal for now', async () => {
  const { gate: it, clock } = gate([new Error('offline')]);
  await it.request(['a']);
  expect(it.open('a')).toBe(false);
  expect(it.next()).toBe(clock.now + RETRY_SECONDS * 1000);
});

test('a new page asks anew, and a late answer of the old one counts for nothing', async () => {
  let answer: (value: Answer) => void = () => {};
  const it = new Gate(() => new Promise((resolve) => (answer = resolve)), () => 0, () => 0, () => {});
  const old = it.request(['a']);
  it.reset();
  answer({ triggers: { a: 1 } });
  await old;
  expect(it.open('a')).toBeUndefined();
});
