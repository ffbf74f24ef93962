/**
 * The init segments of one rendition, by the N of `init-N.mp4`.
 */

/** An init segment with what the multivariant playlist says about it. */
export type RenditionInit = {
  readonly codecs: readonly string[];
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

export class RenditionInits {
  readonly #inits = new Map<number, RenditionInit>();
  #number = -1;

  restore(saved: ReadonlyMap<number, RenditionInit>): void {
    for (const [number, init] of saved) this.#inits.set(number, init);
    this.#number = Math.max(-1, ...saved.keys());
  }

  /** The init segment of the segments to come; returns its number. */
  use(init: RenditionInit): number {
    this.#number += 1;
    this.#inits.set(this.#number, init);
    return this.#number;
  }

  /** -1 before the first. */
  get number(): number {
    return this.#number;
  }

  /** The one in force; null before the first. */
  get current(): RenditionInit | null {
    return this.#inits.get(this.#number) ?? null;
  }

  read(number: number): Blob | null {
    const init = this.#inits.get(number);
    return init === undefined ? null : new Blob([init.bytes]);
  }

  /** Forgets those before `oldest`; null: those before the one in force. */
  dropBefore(oldest: number | null): void {
    for (const number of this.#inits.keys()) {
      if (number < (oldest ?? this.#number)) this.#inits.delete(number);
    }
  }
}
