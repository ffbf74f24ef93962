/**
 * What a probe has to say: each sentence once, with where it was seen first and how often.
 */

export type Finding = {
  /** The rendition, or `multivariant`. */
  readonly where: string;
  readonly what: string;
  readonly count: number;
};

/** More than this of one kind helps nobody. */
const MAX_FINDINGS = 200;

export class Findings {
  readonly #found = new Map<string, Finding>();

  add(where: string, sentences: readonly string[]): void {
    for (const what of sentences) {
      const key = `${where}\n${what}`;
      const known = this.#found.get(key);
      if (known === undefined && this.#found.size >= MAX_FINDINGS) continue;
      this.#found.set(key, { where, what, count: (known?.count ?? 0) + 1 });
    }
  }

  get list(): readonly Finding[] {
    return [...this.#found.values()];
  }
}
