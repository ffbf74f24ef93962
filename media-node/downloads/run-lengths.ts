/**
 * Number lists for sample tables: hours of video are millions of samples, so they are kept packed.
 */

/** A list of whole numbers 0…2^32 − 1 in four bytes each. */
export class Uint32List {
  #values = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Uint32Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }
}

/** A sequence of values as runs of equal ones: how `stts` and `ctts` keep them. */
export class RunLengths {
  readonly counts = new Uint32List();
  /** Negative values as their two's complement. */
  readonly values = new Uint32List();
  #last: number | null = null;
  #count = 0;

  push(value: number): void {
    if (value === this.#last) {
      this.#count += 1;
      return;
    }
    this.flush();
    this.#last = value;
    this.#count = 1;
  }

  /** Closes the open run: call it before reading. */
  flush(): void {
    if (this.#last === null || this.#count === 0) return;
    this.counts.push(this.#count);
    this.values.push(this.#last >>> 0);
    this.#count = 0;
    this.#last = null;
  }
}
