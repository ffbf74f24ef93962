/**
 * Who may publish: asks the node about a key, within a deadline, unless what is remembered of it and
 * its address answers already.
 */
import type { Logger } from "#shared/log.ts";
import { withDeadline } from "#shared/retry.ts";
import type { PublishDecision, PublishHandler, PublishRequest } from "../port.ts";
import { addressGroup } from "./address.ts";
import type { KnockMemory } from "./knock-memory.ts";
import type { IngestLimits } from "./limits.ts";

export type PublishGateOptions = {
  readonly limits: IngestLimits;
  readonly knocks: KnockMemory;
  readonly onPublish: PublishHandler;
};

type Refusal = Extract<PublishDecision, { isAccepted: false }>;

const MAX_KEY_CHARS = 256;

export class PublishGate {
  readonly #options: PublishGateOptions;

  constructor(options: PublishGateOptions) {
    this.#options = options;
  }

  /** Never throws: what cannot be decided is refused. */
  async decide(request: PublishRequest, log: Logger): Promise<PublishDecision> {
    const { streamKey } = request;
    if (streamKey === "") return refusal("BadName", "The stream key is missing.");
    if (streamKey.length > MAX_KEY_CHARS) return refusal("BadName", "The stream key is too long.");
    const group = addressGroup(request.remoteAddress);
    const knock = this.#options.knocks.judge(streamKey, group, performance.now());
    if (knock.verdict === "bad_key") return refusal("BadName", knock.reason);
    if (knock.verdict === "too_many") {
      return refusal("Denied", "Too many wrong stream keys from this address: wait a minute.");
    }
    try {
      const decision = await this.#ask(request);
      this.#remember(decision, streamKey, group);
      return decision;
    } catch (error) {
      log.error("publisher.authorise_failed", { error });
      return refusal("Denied", "The stream key could not be checked: try again in a moment.");
    }
  }

  #ask(request: PublishRequest): Promise<PublishDecision> {
    const { limits, onPublish } = this.#options;
    const asked = onPublish(request);
    return withDeadline("authorise", limits.authoriseDeadlineMs, asked).catch((error: unknown) => {
      // Too late to be told: an acceptance that still comes has nobody to serve.
      asked.then(discardLate, () => {});
      throw error;
    });
  }

  #remember(decision: PublishDecision, streamKey: string, group: string): void {
    const { knocks } = this.#options;
    if (decision.isAccepted) knocks.rememberGood(streamKey);
    else if (decision.isKeyBad === true) {
      knocks.rememberBad(streamKey, group, decision.reason, performance.now());
    }
  }
}

function discardLate(late: PublishDecision): void {
  if (late.isAccepted) late.sink.onEnd({ cause: "lost", detail: "accepted after the deadline" });
}

/** A refusal with its sentence. */
export function refusal(code: Refusal["code"], reason: string): Refusal {
  return { isAccepted: false, code, reason };
}
