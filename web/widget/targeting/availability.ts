// The gate of triggers that are executed only if agents are available. One question for all triggers that need an
// answer, one draw for each answer, kept until the server wants to be asked again or the page changes.

export interface Answer {
  /** Probabilities to execute by the id of the trigger, 0 to 1. */
  triggers: Record<string, number>;
  /** Seconds after which to ask again what was answered with less than 1; without it, the next page asks. */
  retry_after?: number;
}

export type Ask = (triggerIds: string[]) => Promise<Answer>;

/** A server that does not answer is asked again after this time. */
export const RETRY_SECONDS = 60;
/** However eager a server is, it is not asked more often. */
export const RETRY_SECONDS_MIN = 5;

export class Gate {
  #drawn = new Map<string, { open: boolean; until: number }>();
  #pending = new Set<string>();
  /** Grows with each page; an answer for an earlier page counts for nothing. */
  #page = 0;

  constructor(
    private readonly ask: Ask,
    private readonly chance: () => number,
    private readonly now: () => number,
    /** Called when answers have come. */
    private readonly answered: () => void,
  ) {}

  /** Yes, no, or not known: then it has to be asked for. */
  open = (triggerId: string): boolean | undefined => {
    const drawn = this.#drawn.get(triggerId);
    return drawn && drawn.until > this.now() ? drawn.open : undefined;
  };

  /** Asks for what is neither known nor asked for. */
  async request(triggerIds: readonly string[]): Promise<void> {
    const ids = triggerIds.filter((id) => !this.#pending.has(id));
    if (!ids.length) return;
    const page = this.#page;
    for (const id of ids) this.#pending.add(id);
    let answer: Answer;
    try {
      answer = await this.ask(ids);
    } catch {
      answer = { triggers: {}, retry_after: RETRY_SECONDS };
    }
    if (page !== this.#page) return;
    const after = Number(answer.retry_after);
    const until = after > 0 ? this.now() + Math.max(after, RETRY_SECONDS_MIN) * 1000 : Infinity;
    for (const id of ids) {
      this.#pending.delete(id);
      const open = this.chance() < (Number(answer.triggers?.[id]) || 0);
      this.#drawn.set(id, { open, until: open ? Infinity : until });
    }
    this.answered();
  }

  /** When a refusal is to be asked about again; Infinity for not before the next page. */
  next(): number {
    const now = this.now();
    return Math.min(Infinity, ...[...this.#drawn.values()].map((drawn) => drawn.until).filter((until) => until > now));
  }

  /** A new page: everything is asked anew. */
  reset(): void {
    this.#page++;
    this.#drawn.clear();
    this.#pending.clear();
  }
}
