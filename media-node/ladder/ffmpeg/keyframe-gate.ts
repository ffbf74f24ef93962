/**
 * Lets one ffmpeg take over from another at a keyframe of the source: beside a copy that is the only
 * place where all renditions can begin a segment. Pure.
 */
type Gate = "opening" | "open" | "closing" | "closed";

export class KeyframeGate {
  readonly #gates: Gate[];
  #onClosed = () => {};

  /** `isOpen`: false lets nothing pass before the first keyframe of the source. */
  constructor(rungs: number, isOpen: boolean) {
    this.#gates = Array.from({ length: rungs }, () => isOpen ? "open" : "opening");
  }

  /** Some rung has let nothing pass yet. */
  get isOpening(): boolean {
    return this.#gates.includes("opening");
  }

  /** Every rung ends before the next keyframe of the source; `onClosed` once all have. */
  close(onClosed: () => void): void {
    this.#onClosed = onClosed;
    this.#gates.fill("closing");
  }

  /** No end after all. */
  reopen(): void {
    this.#gates.forEach((gate, rung) => {
      if (gate === "closing") this.#gates[rung] = "open";
    });
  }

  /** Whether the next frame of a rung is shown. `isSourceKeyframe`: null where nobody knows. */
  passes(rung: number, isSourceKeyframe: boolean | null): boolean {
    const gate = this.#gates[rung];
    if (gate === "opening" && isSourceKeyframe !== false) this.#gates[rung] = "open";
    if (gate === "closing" && isSourceKeyframe === true) {
      this.#gates[rung] = "closed";
      if (this.#gates.every((one) => one === "closed")) this.#onClosed();
      return false;
    }
    return gate === "closing" || this.#gates[rung] === "open";
  }
}
