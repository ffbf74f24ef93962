/**
 * What a player's line does: how long is under way what hls.js loads.
 */
import { Events, type Fragment, type Hls, type Part } from "hls.js/light";
import { type Delivery, type LineRate, measureLine, recent } from "./rung-choice.ts";

/** What is under way for less tells nothing. */
const TELLING_MS = 400;
/** Not waited for, where something smaller would be there sooner. */
const STUCK_MS = 250;
/** So many answers tell what to expect: a keyframe was among them. */
const ANSWERS = 9;
/** A connection that breaks is opened again, and then asked again. */
const ASKED_AGAIN = 2;
/** What needs no more than this is covered by what is in a buffer anyway. */
const COVERED_S = 0.15;
const MAX_SPARE_S = 1;
const ROOMY_LOAD = 0.5;

type Took = { readonly answerMs: number; readonly tookMs: number };

export class LineWatch {
  readonly #hls: Hls;
  #deliveries: readonly Delivery[] = [];
  #answers: readonly Took[] = [];
  #underWay: { readonly frag: Fragment; readonly part: Part | null } | null = null;

  constructor(hls: Hls) {
    this.#hls = hls;
    hls.on(Events.FRAG_LOADING, (_event, { frag, part }) => {
      this.#underWay = { frag, part: part ?? null };
    });
    hls.on(Events.FRAG_LOADED, (_event, { frag, part }) => this.#noteLoaded(frag, part));
    hls.on(Events.LEVEL_SWITCHING, () => this.forget());
  }

  /**
   * What is to be in the buffer for what comes late on this line, in seconds: what takes longest, and
   * what has to be asked for again.
   */
  get spareS(): number {
    const answersMs = this.#answers.map(({ answerMs }) => answerMs).toSorted((a, b) => a - b);
    const usualMs = answersMs[Math.floor(answersMs.length / 2)] ?? 0;
    const longestMs = Math.max(0, ...this.#answers.map(({ tookMs }) => tookMs));
    const spareS = (usualMs * ASKED_AGAIN + longestMs) / 1000 - COVERED_S;
    return Math.min(MAX_SPARE_S, Math.max(0, spareS));
  }

  /** Nothing is waited for, as far as is known: what comes takes less than its time. */
  get isPrompt(): boolean {
    const { part = null, frag } = this.#underWay ?? {};
    const isAsking = frag !== undefined && (part ?? frag).stats.loading.first === 0;
    return !isAsking && this.isTold && (this.now?.load ?? 0) <= 1;
  }

  /** What comes takes so little of its time that two requests are no hindrance to each other. */
  get hasRoom(): boolean {
    return this.isTold && (this.now?.load ?? 0) <= ROOMY_LOAD;
  }

  /** More than one thing has come since the rendition last changed. */
  get isTold(): boolean {
    return this.#deliveries.length > 1;
  }

  /** Media under way, in seconds. */
  get comingS(): number {
    const { part = null, frag } = this.#underWay ?? {};
    return part?.duration ?? frag?.duration ?? 0;
  }

  /** Where the running segment begins; null: nothing is under way. */
  get segmentStartS(): number | null {
    return this.#underWay?.frag.start ?? null;
  }

  /** Of what has come; null: nothing has. */
  get come(): LineRate | null {
    return measureLine(this.#deliveries);
  }

  /** The same, with what is stuck on its way. */
  get now(): LineRate | null {
    const stuck = this.#stuck();
    return measureLine(stuck === null ? this.#deliveries : recent([...this.#deliveries, stuck]));
  }

  /** What the line does when what is under way comes later than in `bufferS`; null: it does not. */
  lateFor(bufferS: number): LineRate | null {
    const stuck = this.#stuck();
    if (stuck === null || leftMs(stuck, this.#totalBytes()) <= bufferS * 1000) return null;
    return measureLine([stuck]);
  }

  forget(): void {
    this.#deliveries = [];
  }

  /** Leaves what is under way, as hls.js does when it steps down by itself. */
  leave(): void {
    const { frag, part = null } = this.#underWay ?? {};
    if (frag === undefined) return;
    const stuck = deliveryOf(part ?? frag);
    if (this.#totalBytes() > 0 && leftMs(stuck, this.#totalBytes()) < STUCK_MS) return;
    this.#underWay = null;
    frag.abortRequests();
    const { stats } = part ?? frag;
    this.#hls.trigger(Events.FRAG_LOAD_EMERGENCY_ABORTED, { frag, part, stats });
  }

  #noteLoaded(frag: Fragment, part: Part | null): void {
    this.#underWay = null;
    if (frag.sn === "initSegment") return;
    const media = part ?? frag;
    const delivery = deliveryOf(media);
    const { loading, retry } = media.stats;
    const took = { answerMs: loading.first - loading.start, tookMs: delivery.tookMs };
    if (retry === 0 && part !== null) this.#answers = [...this.#answers.slice(1 - ANSWERS), took];
    this.#deliveries = recent([...this.#deliveries, delivery]);
  }

  #stuck(): Delivery | null {
    if (this.#underWay === null) return null;
    const delivery = deliveryOf(this.#underWay.part ?? this.#underWay.frag);
    return delivery.tookMs < TELLING_MS ? null : delivery;
  }

  #totalBytes(): number {
    return (this.#underWay?.part ?? this.#underWay?.frag)?.stats.total ?? 0;
  }
}

/** How long the rest of what is under way takes as fast as it came so far. */
function leftMs({ bytes, tookMs }: Delivery, totalBytes: number): number {
  return bytes === 0 ? Infinity : Math.max(0, totalBytes - bytes) * tookMs / bytes;
}

/** What has come of `media`, whole or in part. */
function deliveryOf({ stats, duration }: Fragment | Part): Delivery {
  const { loading, loaded, total } = stats;
  const untilMs = loading.end > 0 ? loading.end : performance.now();
  const tookMs = loading.first > 0 ? untilMs - loading.first : 0;
  const share = loading.end > 0 ? 1 : total > 0 ? loaded / total : 0;
  return { bytes: loaded, tookMs, mediaMs: duration * 1000 * share };
}
