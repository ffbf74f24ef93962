/**
 * All broadcasts of a node: lets publishers in, reports progress for all of them at once, ends what
 * the API wants ended.
 */
import { createHash } from "node:crypto";
import type { AuthoriseResponse } from "#shared/contracts/control.ts";
import { ControlRefusal, ControlUnavailable } from "#shared/control-plane.ts";
import { messageOf } from "#shared/errors.ts";
import { withDeadline } from "#shared/retry.ts";
import type { PublishDecision, PublishRequest } from "../ingest/port.ts";
import type { RunningEntry } from "./journal-entry.ts";
import { Turns } from "./turns.ts";
import { Broadcast, type BroadcastDeps } from "./broadcast.ts";

export type BroadcastsOptions = Omit<BroadcastDeps, "onEnded" | "posterTurns"> & {
  readonly nodeInstanceId: string;
  readonly progressIntervalMs?: number;
};

/** How soon a wish of the API (a deleted channel, a revoked key) is noticed. */
const PROGRESS_INTERVAL_MS = 800;
/** A publisher may be held up for this long while the broadcast before is being finished. */
const FINISH_PATIENCE_MS = 5000;
/** How long a stopping node goes on trying to tell the API. */
const LAST_WORDS_MS = 3000;
const MAX_BROADCASTS_PER_REPORT = 1000;

const ALREADY_LIVE = refuse("BadName", "This channel is already live from another encoder.");
const STOPPING = refuse("Denied", "This server is about to restart; try again in a moment.");
const FINISHING = refuse(
  "Denied",
  "The last broadcast of this channel is still being finished; try again in a moment.",
);
const UNREACHABLE = refuse(
  "Denied",
  "The stream key cannot be checked right now; try again in a moment.",
);

export class Broadcasts {
  readonly #options: BroadcastsOptions;
  readonly #broadcasts = new Map<string, Broadcast>();
  /** By the hash of the stream key: a key in use needs no question to the API. */
  readonly #byKey = new Map<string, Broadcast>();
  /** Publishes that are being decided, by the same hash. */
  readonly #deciding = new Map<string, Promise<PublishDecision>>();
  readonly #finishing = new Set<Broadcast>();
  readonly #posterTurns = new Turns();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isReporting = false;
  #isStopping = false;
  #isApiReachable = true;

  constructor(options: BroadcastsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#broadcasts.size;
  }

  start(): void {
    const intervalMs = this.#options.progressIntervalMs ?? PROGRESS_INTERVAL_MS;
    this.#timer = setInterval(() => void this.#report(), intervalMs);
  }

  /**
   * A broadcast of a process that was killed. It waits `windowMs` for its publisher.
   * @throws StorageError when its recording cannot be read
   */
  async resume(entry: RunningEntry, windowMs: number): Promise<void> {
    const broadcast = await Broadcast.resume(entry, windowMs, {
      ...this.#options,
      posterTurns: this.#posterTurns,
      onEnded: (ended) => this.#onEnded(ended),
    });
    this.#broadcasts.set(broadcast.broadcastId, broadcast);
  }

  /** Decides about one publish attempt; refusals are sentences for the broadcaster. Never rejects. */
  async admit(request: PublishRequest): Promise<PublishDecision> {
    const keyHash = createHash("sha256").update(request.streamKey).digest("hex");
    // Of several at once one is asked about: the API would let each take the place of the one before.
    const first = this.#deciding.get(keyHash);
    if (first !== undefined) {
      const decision = await first;
      return decision.isAccepted ? await this.admit(request) : decision;
    }
    const deciding = this.#decide(request, keyHash);
    this.#deciding.set(keyHash, deciding);
    return await deciding.finally(() => this.#deciding.delete(keyHash));
  }

  async #decide(request: PublishRequest, keyHash: string): Promise<PublishDecision> {
    if (this.#isStopping) return STOPPING;
    const known = this.#byKey.get(keyHash);
    if (known?.hasHealthyPublisher === true) return ALREADY_LIVE;
    if (known?.isOver === true && !await isFinishedSoon(known)) return FINISHING;
    const answer = await this.#authorise(request);
    return "isAccepted" in answer ? answer : this.#accept(answer, keyHash);
  }

  /** Ends every broadcast, finishes the recordings and tells the API while it listens. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    await Promise.all(
      [...this.#broadcasts.values()].map((broadcast) => broadcast.end("node_stopped")),
    );
    const last = [...this.#finishing];
    const told = Promise.all(last.map((broadcast) => broadcast.finished));
    await withDeadline("the last reports", LAST_WORDS_MS, told).catch((error: unknown) =>
      this.#options.log.warn("node.reports_left", { reason: messageOf(error) })
    );
    for (const broadcast of last) broadcast.abandonReports();
    await this.#options.journal.close();
  }

  async #authorise(request: PublishRequest): Promise<AuthoriseResponse | PublishDecision> {
    const { control, nodeId, nodeInstanceId, log } = this.#options;
    const { publisherId, streamKey, remoteAddress } = request;
    try {
      return await control.authorise({
        nodeId,
        nodeInstanceId,
        publisherId,
        streamKey,
        remoteAddress,
      });
    } catch (error) {
      if (error instanceof ControlRefusal) return toDecision(error);
      if (!(error instanceof ControlUnavailable)) throw error;
      log.warn("publisher.not_authorised", { publisherId, reason: error.message });
      return UNREACHABLE;
    }
  }

  #accept(answer: AuthoriseResponse, keyHash: string): PublishDecision {
    if (this.#isStopping) return STOPPING;
    const running = this.#broadcasts.get(answer.broadcastId);
    if (running?.hasHealthyPublisher === true) return ALREADY_LIVE;
    if (running?.isOver === true) return FINISHING;
    this.#endSuperseded(answer);
    const broadcast = running ?? this.#begin(answer);
    this.#byKey.set(keyHash, broadcast);
    return { isAccepted: true, sink: broadcast.attach(answer.epoch) };
  }

  #begin(answer: AuthoriseResponse): Broadcast {
    const broadcast = new Broadcast(answer, {
      ...this.#options,
      posterTurns: this.#posterTurns,
      onEnded: (ended) => this.#onEnded(ended),
    });
    this.#broadcasts.set(broadcast.broadcastId, broadcast);
    return broadcast;
  }

  /** The API gave the channel a new broadcast, so one we still hold never got anywhere. */
  #endSuperseded({ channelId, broadcastId }: AuthoriseResponse): void {
    for (const broadcast of this.#broadcasts.values()) {
      if (broadcast.channelId !== channelId || broadcast.broadcastId === broadcastId) continue;
      void broadcast.end("node_lost", "the API began another broadcast of this channel");
    }
  }

  #onEnded(broadcast: Broadcast): void {
    this.#broadcasts.delete(broadcast.broadcastId);
    this.#finishing.add(broadcast);
    void broadcast.finished.then(() => {
      this.#finishing.delete(broadcast);
      for (const [key, value] of this.#byKey) if (value === broadcast) this.#byKey.delete(key);
    });
  }

  async #report(): Promise<void> {
    const broadcasts = [...this.#broadcasts.values()].flatMap((broadcast) =>
      broadcast.progress() ?? []
    );
    if (this.#isReporting || broadcasts.length === 0) return;
    this.#isReporting = true;
    try {
      for (let at = 0; at < broadcasts.length; at += MAX_BROADCASTS_PER_REPORT) {
        await this.#send(broadcasts.slice(at, at + MAX_BROADCASTS_PER_REPORT));
      }
      this.#noteApi(null);
    } catch (error) {
      this.#noteApi(messageOf(error));
    } finally {
      this.#isReporting = false;
    }
  }

  async #send(broadcasts: NonNullable<ReturnType<Broadcast["progress"]>>[]): Promise<void> {
    const { control, nodeId } = this.#options;
    const { stop } = await control.progress({ nodeId, broadcasts });
    for (const { broadcastId, reason } of stop) {
      void this.#broadcasts.get(broadcastId)?.end(reason);
    }
  }

  /** Logged when it changes, not with every report. */
  #noteApi(reason: string | null): void {
    const isReachable = reason === null;
    if (isReachable === this.#isApiReachable) return;
    this.#isApiReachable = isReachable;
    if (isReachable) this.#options.log.info("api.reachable");
    else this.#options.log.warn("api.unreachable", { reason });
  }
}

function refuse(code: "BadName" | "Denied", reason: string): PublishDecision {
  return { isAccepted: false, code, reason };
}

function toDecision({ code, detail }: ControlRefusal): PublishDecision {
  const isKeyBad = code === "UNKNOWN_STREAM_KEY" || code === "CHANNEL_DISABLED";
  const isName = isKeyBad || code === "ALREADY_LIVE";
  const reason = detail === "" ? "The publish was refused." : detail;
  return { isAccepted: false, code: isName ? "BadName" : "Denied", reason, isKeyBad };
}

async function isFinishedSoon(broadcast: Broadcast): Promise<boolean> {
  const finished = broadcast.finished.then(() => true);
  return await withDeadline("the last broadcast", FINISH_PATIENCE_MS, finished).catch(() => false);
}
