/**
 * The one thing that is waited for: setting another deadline lets go of the one before.
 */
export class Deadline {
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onPassed` is called after `ms`, unless another deadline is set or this one cleared before. */
  set(ms: number, onPassed: () => void): void {
    this.clear();
    this.#timer = setTimeout(onPassed, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
