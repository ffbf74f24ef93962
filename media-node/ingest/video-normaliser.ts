/**
 * From video tags to access units that are what they say: collected, framed one way, with keyframes
 * by what the NAL units hold, and their parameter sets with them where those changed.
 */
import type { AvcSps } from "../formats/codecs/avc-sps.ts";
import { formatAvcCodec } from "../formats/codecs/avc-sps.ts";
import { joinNals, NAL, nalTypeOf, readNals } from "../formats/codecs/nal-units.ts";
import { readSei } from "../formats/codecs/sei.ts";
import type { VideoTag } from "../formats/flv/video-tag.ts";
import type { VideoTrack } from "../formats/media.ts";
import { DecodeStamps } from "./decode-stamps.ts";
import { AccessUnits, type UnitPiece } from "./access-units.ts";
import { ParameterSetStore } from "./parameter-set-store.ts";

/** One access unit on the publisher's clock. */
export type VideoUnit = {
  readonly timestampMs: number;
  /** When it came. */
  readonly atMs: number;
  readonly compositionMs: number;
  readonly isKeyframe: boolean;
  /** NAL units, each behind a 4-byte length. */
  readonly data: Uint8Array;
};

export interface VideoEvents {
  /** Before the first unit, and before the first one that needs another configuration. */
  onVideoTrack(track: VideoTrack, sps: AvcSps): void;
  onVideoUnit(unit: VideoUnit): void;
}

type ConfigTag = Extract<VideoTag, { kind: "config" }>;
type FrameTag = Extract<VideoTag, { kind: "frame" }>;

/** One wrong flag is a slip, two are a habit. */
const MAX_SLIPS = 1;
/** Frames are shown some frames after they are decoded; an offset of more is none. */
const MAX_COMPOSITION_MS = 5000;
/** Where groups of pictures are open some encoders speak of recovery as well, beside keyframes. */
const MIN_REFRESHES = 2;

export class VideoNormaliser {
  readonly #events: VideoEvents;
  readonly #sets = new ParameterSetStore();
  readonly #units = new AccessUnits((unit) => this.#take(unit));
  readonly #stamps = new DecodeStamps();
  #isAnnounced = false;
  /** A header replaced the sets in force: decoders that run must find them in the stream. */
  #mustBringSets = false;
  #isFirst = true;
  #wrongFlags = 0;
  #refreshes = 0;
  #keyframes = 0;
  #hasCaptions = false;
  #unreadable = 0;

  constructor(events: VideoEvents) {
    this.#events = events;
  }

  /** Frames are flagged as keyframes that are none, or the other way round. */
  get isMisflagged(): boolean {
    return this.#wrongFlags > MAX_SLIPS;
  }

  /** The picture is renewed bit by bit where keyframes should be. */
  get isRefreshed(): boolean {
    return this.#refreshes >= MIN_REFRESHES && this.#refreshes > this.#keyframes;
  }

  get hasCaptions(): boolean {
    return this.#hasCaptions;
  }

  /** Something came whose NAL units could not be told apart, or a picture without an end. */
  get isUnreadable(): boolean {
    return this.#unreadable + this.#units.dropped > 0;
  }

  get isConfigured(): boolean {
    return this.#sets.config !== null;
  }

  useHeader({ avcC }: ConfigTag): void {
    // What waits belongs to the configuration before.
    this.#units.flush();
    const hadConfig = this.#sets.config !== null;
    if (!this.#sets.useHeader(avcC)) return;
    this.#isAnnounced = false;
    this.#mustBringSets = hadConfig;
  }

  /** `atMs`: when it came (performance.now). */
  push(tag: FrameTag, timestampMs: number, atMs: number): void {
    const { isFlaggedKeyframe, data } = tag;
    const isShownSoon = Math.abs(tag.compositionMs) <= MAX_COMPOSITION_MS;
    const compositionMs = isShownSoon ? tag.compositionMs : 0;
    const split = readNals(data, this.#sets.config?.nalLengthBytes ?? 4);
    if (split === null || split.nals.length === 0) {
      this.#unreadable += 1;
      return;
    }
    const { nals, isPlain } = split;
    const plain = isPlain ? data : null;
    const piece = { timestampMs, atMs, compositionMs, isFlaggedKeyframe, nals, plain };
    this.#units.push(piece, this.#sets.config?.sps.isInterlaced ?? false);
  }

  /** Sound came that is stamped `timestampMs`: what waits for more is handed on when it is older. */
  flushBefore(timestampMs: number): void {
    this.#units.flushBefore(timestampMs);
  }

  /** Hands on what waits for more: nothing comes. */
  flush(): void {
    this.#units.flush();
  }

  #take(unit: UnitPiece): void {
    if (this.#sets.useStream(unit.nals)) this.#isAnnounced = false;
    const { config } = this.#sets;
    if (config === null) return;
    const isKeyframe = this.#isRandomAccess(unit.nals);
    if (isKeyframe) this.#keyframes += 1;
    // An encoder that does not call its very first picture a keyframe calls none so.
    const weight = this.#isFirst && isKeyframe ? MAX_SLIPS + 1 : 1;
    if (isKeyframe !== unit.isFlaggedKeyframe) this.#wrongFlags += weight;
    this.#isFirst = false;
    if (!this.#isAnnounced) {
      // A decoder that runs takes new sets where a picture needs none before it.
      this.#isAnnounced = true;
      this.#events.onVideoTrack(toTrack(config.avcC, config.sps), config.sps);
    }
    this.#events.onVideoUnit({
      ...this.#stamps.place(unit, config.sps.maxReorderFrames),
      atMs: unit.atMs,
      isKeyframe,
      data: this.#dataOf(unit, isKeyframe),
    });
  }

  #dataOf({ nals, plain }: UnitPiece, isKeyframe: boolean): Uint8Array {
    if (!this.#mustBringSets || !isKeyframe) return plain ?? joinNals(nals);
    this.#mustBringSets = false;
    const { spsNals = [], ppsNals = [] } = this.#sets.config ?? {};
    const isDelimiter = (nal: Uint8Array) => nalTypeOf(nal) === NAL.delimiter;
    const own = nals.filter((nal) => !isDelimiter(nal));
    return joinNals([...nals.filter(isDelimiter), ...spsNals, ...ppsNals, ...own]);
  }

  /** Random access is what the NAL units say: an IDR picture, or a recovery that takes no picture. */
  #isRandomAccess(nals: readonly Uint8Array[]): boolean {
    let isKeyframe = false;
    for (const nal of nals) {
      const type = nalTypeOf(nal);
      if (type === NAL.idr) isKeyframe = true;
      if (type !== NAL.sei) continue;
      const { recoveryFrames, hasCaptions } = readSei(nal);
      if (recoveryFrames === 0) isKeyframe = true;
      else if (recoveryFrames !== null) this.#refreshes += 1;
      this.#hasCaptions ||= hasCaptions;
    }
    return isKeyframe;
  }
}

function toTrack(avcC: Uint8Array, sps: AvcSps): VideoTrack {
  const { width, height, pixelAspect, isInterlaced } = sps;
  const displayWidth = Math.max(1, Math.round(width * pixelAspect));
  const config = { kind: "video", avcC, width, height, displayWidth } as const;
  return { codec: formatAvcCodec(sps), config, isInterlaced };
}
