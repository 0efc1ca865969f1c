// Which triggers are to be executed now, and why the others are not. Pure: everything it needs is handed in.

import { check, nextChange, type Checked } from './conditions.ts';
import type { CustomVariable, Trigger, Values } from './types.ts';

/** What the server says of a trigger that asks for agents: yes, no, or not known yet. */
export type Availability = (triggerId: string) => boolean | undefined;

export interface Situation {
  /** Milliseconds, as `Date.now()`. */
  now: number;
  /** All pages of the visit, the current one first. */
  pages: readonly Values[];
  variables: readonly CustomVariable[];
  mode: 'messaging' | 'chat';
  embedded: boolean;
  /** The visitor has written, and neither left the chat nor been away for the length of a visit. */
  engaged: boolean;
  /** Whether the visitor has an open conversation; not defined while the server has not said so. */
  openThreads: boolean | undefined;
  /** What was executed on this page: ids of triggers, names of the built-in ones. */
  executed: ReadonlySet<string>;
  /** What was executed in this visit. */
  executedInVisit: ReadonlySet<string>;
  /** The trigger that stopped all others in this visit. */
  stoppedBy: string | undefined;
  available: Availability;
  /** Whether anything of this trigger has something to show while no agent is there. */
  worksOffline: (trigger: Trigger) => boolean;
  /** Whether the page has the places of the fixed buttons that this trigger shows. */
  hasPlace: (trigger: Trigger) => boolean;
}

export type BuiltIn = 'embedded' | 'continuation' | 'messaging';

export type Verdict =
  | 'fires'
  | 'fired'
  | 'conditions'
  | 'unavailable'
  | 'asking'
  | 'waiting'
  | 'once'
  | 'stopped'
  | 'no_place'
  | BuiltIn;

export interface Explanation {
  trigger: Trigger;
  /** What became of the trigger; the name of a built-in trigger: that one came first. */
  verdict: Verdict;
  checked: Checked[];
}

export interface Execution {
  trigger: Trigger;
  mode: 'online' | 'offline';
  /** Without the place of its button in the page, a trigger is activated, and not executed. */
  hasPlace: boolean;
}

export interface Decision {
  /** The built-in trigger that is met, whether or not it was executed already. */
  builtIn: BuiltIn | undefined;
  /** Configured triggers that are activated now, in their order. */
  run: Execution[];
  /** Triggers whose agents' availability has to be asked for. */
  ask: string[];
  /** When to decide again although nothing happens; Infinity for never. */
  next: number;
  explanations: Explanation[];
}

/** The first built-in trigger that is met. */
export function builtIn(situation: Situation): BuiltIn | undefined {
  const { embedded, engaged, mode, openThreads } = situation;
  if (embedded && mode === 'messaging') return 'embedded';
  if (engaged) return 'continuation';
  return mode === 'messaging' && openThreads ? 'messaging' : undefined;
}

/** Goes through the triggers in their order: embedded, continuation, messaging, then the configured ones. */
export function decide(triggers: readonly Trigger[], situation: Situation): Decision {
  const first = builtIn(situation);
  const decision: Decision = { builtIn: first, run: [], ask: [], next: Infinity, explanations: [] };
  let { stoppedBy } = situation;
  // Whether a built-in trigger is met is not known before the server says so; a stopping trigger may still be executed.
  let waiting = situation.mode === 'messaging' && situation.openThreads === undefined;
  for (const trigger of triggers) {
    const conditions = trigger.conditions ?? [];
    const checked = conditions.map((condition) => check(condition, situation.pages, situation.variables));
    const say = (verdict: Verdict) => decision.explanations.push({ trigger, verdict, checked });
    if (first) {
      say(first);
      continue;
    }
    if (situation.executed.has(trigger.id)) {
      say('fired');
      continue;
    }
    if (stoppedBy !== undefined && stoppedBy !== trigger.id) {
      say('stopped');
      continue;
    }
    if (trigger.once_per_visit && situation.executedInVisit.has(trigger.id)) {
      say('once');
      continue;
    }
    for (const condition of conditions) {
      decision.next = Math.min(decision.next, nextChange(condition, situation.pages, situation.now));
    }
    if (!checked.every((each) => each.holds)) {
      say('conditions');
      continue;
    }
    if (waiting) {
      say('waiting');
      continue;
    }
    const available = trigger.only_if_available ? situation.available(trigger.id) : true;
    if (available === undefined) {
      decision.ask.push(trigger.id);
      waiting = !!trigger.stops_others;
      say('asking');
      continue;
    }
    // Live Chat shows its items although nobody is there, if they know how; Messaging is never offline.
    if (!available && !(situation.mode === 'chat' && situation.worksOffline(trigger))) {
      say('unavailable');
      continue;
    }
    const hasPlace = situation.hasPlace(trigger);
    decision.run.push({ trigger, mode: available ? 'online' : 'offline', hasPlace });
    if (available && hasPlace && trigger.stops_others) stoppedBy = trigger.id;
    say(hasPlace ? 'fires' : 'no_place');
  }
  return decision;
}
