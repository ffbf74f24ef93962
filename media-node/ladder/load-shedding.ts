/**
 * What an engine leaves out while the machine is too busy: steps of the ladder first, and where there
 * are none left, pictures. Pure; clocks come as arguments.
 */
import type { EngineStart } from "./engine.ts";
import { LoadGovernor } from "./load-governor.ts";
import { costOfStep, describeShortfall, type LoadStep, planLoadSteps } from "./load-steps.ts";

/** Further behind, with nothing else left to leave out, viewers see what is now, not what was. */
const MAX_LATE_MS = 6000;

/** `start`: begin anew with another step. `skip`: leave out pictures that wait. */
export type LoadAction = "none" | "start" | "skip";

export class LoadShedding {
  readonly #start: Pick<EngineStart, "rungs" | "fps">;
  readonly #steps: readonly LoadStep[];
  readonly #governor: LoadGovernor;

  /** `canHurry`: the encoder has a lower preset. */
  constructor(start: Pick<EngineStart, "rungs" | "fps">, canHurry: boolean, nowMs: number) {
    this.#start = start;
    this.#steps = planLoadSteps(start, canHurry);
    this.#governor = new LoadGovernor(
      this.#steps.map((step) => costOfStep(step, start.rungs)),
      nowMs,
    );
  }

  /** How many steps down from the whole ladder. */
  get level(): number {
    return this.#governor.level;
  }

  /** What is encoded now. */
  get step(): LoadStep {
    const whole = { rungs: this.#start.rungs, isHurried: false, isSplit: true };
    return this.#steps[this.#governor.level] ?? whole;
  }

  /** What is left out, in words; null when nothing is. */
  get shortfall(): string | null {
    return describeShortfall(this.#start.rungs, this.step);
  }

  /** An encoder that starts anew has shown its first frame: it works off what waited for it. */
  restart(nowMs: number): void {
    this.#governor.restart(nowMs);
  }

  /** The encoder is `lagMs` behind the source. `mayRaise`: starting anew costs little now. */
  note(lagMs: number, nowMs: number, mayRaise = true): LoadAction {
    const verdict = this.#governor.note(lagMs, nowMs, mayRaise);
    if (verdict === "changed") return "start";
    return verdict === "exhausted" && lagMs > MAX_LATE_MS ? "skip" : "none";
  }
}
