/**
 * The rendition that is the source itself: access units straight from the publisher's tags, with no
 * engine between, so it goes on whatever happens to one.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { CopyWatch } from "../ladder/copy-rule.ts";
import { type FrameRate, toFrameRate } from "../formats/frame-rate.ts";
import { GopCache } from "../ladder/gop-cache.ts";
import { SourceClock } from "../ladder/source-clock.ts";
import { isVideoKeyframe } from "../ladder/source-tag.ts";
import type { FlvTag, RungPlan, VideoConfig, VideoSample } from "../formats/media.ts";
import type { Packager } from "../packager/port.ts";

export type SourceCopyOptions = {
  readonly rung: RungPlan;
  /** The source's AVC sequence header. */
  readonly header: FlvTag;
  readonly fps: number;
  /** Above it for long, the source is too much to be copied. */
  readonly ceilingBps: number;
  readonly packager: Pick<Packager, "setVideoConfig" | "pushVideo">;
};

/** FLV: frame type and codec, packet type, composition offset; then the data. */
const VIDEO_TAG_HEADER_BYTES = 5;

export class SourceCopy {
  /** The exact time of every frame, for those that are encoded beside the copy. */
  readonly clock: SourceClock;
  readonly #options: SourceCopyOptions;
  readonly #watch: CopyWatch;
  readonly #cache = new GopCache();
  readonly #config: VideoConfig;
  #stands: readonly RenditionName[] = [];
  #standsSince: "soon" | "now" = "soon";
  #shownTicks = -Infinity;

  constructor(options: SourceCopyOptions) {
    const rate: FrameRate = toFrameRate(options.fps);
    this.#options = options;
    this.clock = new SourceClock(rate);
    this.#watch = new CopyWatch(options.ceilingBps);
    const { rung, header, packager } = options;
    const avcC = header.body.subarray(VIDEO_TAG_HEADER_BYTES);
    this.#config = { kind: "video", avcC, width: rung.width ?? 0, height: rung.height ?? 0 };
    packager.setVideoConfig(rung.name, this.#config);
  }

  /** What an engine needs to take over without showing a frame twice or leaving one out. */
  get resume(): { readonly tags: readonly FlvTag[]; readonly shownTicks: number } {
    return { tags: this.#cache.tags, shownTicks: this.#shownTicks };
  }

  /** Whether it is shown as the other renditions, too. */
  get isStandIn(): boolean {
    return this.#stands.length > 0;
  }

  /** From the next keyframe on the copy is also what `names` show; an empty list ends that. */
  standInFor(names: readonly RenditionName[]): void {
    this.#stands = names;
    this.#standsSince = "soon";
  }

  /** Null when it was written; else, in words, why this frame cannot be. */
  push(tag: FlvTag): string | null {
    const isKeyframe = isVideoKeyframe(tag);
    const obstacle = this.#watch.note(tag);
    this.#cache.add(tag, isKeyframe);
    if (obstacle !== null) return obstacle;
    const { dtsTicks, durationTicks } = this.clock.place(tag);
    const data = tag.body.subarray(VIDEO_TAG_HEADER_BYTES);
    const sample = { dtsTicks, compositionTicks: 0, durationTicks, isKeyframe, data };
    this.#options.packager.pushVideo(this.#options.rung.name, sample);
    this.#shownTicks = dtsTicks;
    if (this.#stands.length > 0) this.#pushStandIns(sample);
    return null;
  }

  #pushStandIns(sample: VideoSample): void {
    const { packager } = this.#options;
    if (this.#standsSince === "soon") {
      if (!sample.isKeyframe) return;
      for (const name of this.#stands) packager.setVideoConfig(name, this.#config);
      this.#standsSince = "now";
    }
    for (const name of this.#stands) packager.pushVideo(name, sample);
  }
}
