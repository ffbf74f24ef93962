/**
 * Work that is done one piece at a time, first come first served.
 */
export class Turns {
  #tail: Promise<unknown> = Promise.resolve();

  /** What `work` gives, once everything asked for before is settled. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    // What became of it is its own caller's affair.
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}
