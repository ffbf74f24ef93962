/**
 * The rendition that is the source itself: the publisher's access units as they are, with no engine
 * between, so it goes on whatever happens to one.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { CopyWatch } from "../ladder/copy-rule.ts";
import { type FrameRate, toFrameRate } from "../formats/frame-rate.ts";
import { GopCache } from "../ladder/gop-cache.ts";
import { SourceClock } from "../ladder/source-clock.ts";
import type {
  MediaFrame,
  RungPlan,
  VideoConfig,
  VideoSample,
  VideoTrack,
} from "../formats/media.ts";
import type { Packager } from "../packager/port.ts";

export type SourceCopyOptions = {
  readonly rung: RungPlan;
  readonly video: VideoTrack;
  readonly fps: number;
  /** Above it for long, the source is too much to be copied. */
  readonly ceilingBps: number;
  readonly packager: Pick<Packager, "setVideoConfig" | "pushVideo">;
};

export class SourceCopy {
  /** The exact time of every frame, for those that are encoded beside the copy. */
  readonly clock: SourceClock;
  readonly #options: SourceCopyOptions;
  readonly #watch: CopyWatch;
  readonly #cache = new GopCache();
  #config: VideoConfig;
  #stands: readonly RenditionName[] = [];
  #standsSince: "soon" | "now" = "soon";
  #shownTicks = -Infinity;

  constructor(options: SourceCopyOptions) {
    const rate: FrameRate = toFrameRate(options.fps);
    this.#options = options;
    this.clock = new SourceClock(rate);
    this.#watch = new CopyWatch(options.ceilingBps);
    this.#config = options.video.config;
    options.packager.setVideoConfig(options.rung.name, this.#config);
  }

  /** The same picture with other parameter sets, from the next keyframe on. */
  useConfig({ config }: VideoTrack): void {
    this.#config = config;
    this.#options.packager.setVideoConfig(this.#options.rung.name, config);
    if (this.#standsSince === "now") this.#standsSince = "soon";
  }

  /** What an engine needs to take over without showing a frame twice or leaving one out. */
  get resume(): { readonly frames: readonly MediaFrame[]; readonly shownTicks: number } {
    return { frames: this.#cache.frames, shownTicks: this.#shownTicks };
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
  push(frame: MediaFrame): string | null {
    const { isKeyframe, data } = frame;
    const obstacle = this.#watch.note(frame);
    this.#cache.add(frame, isKeyframe);
    if (obstacle !== null) return obstacle;
    const { dtsTicks, durationTicks } = this.clock.place(frame);
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
