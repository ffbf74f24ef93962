/**
 * How hls.js hears which rendition to load: what was chosen, from where a segment begins on. Within one,
 * the parts so far would have to be loaded again from its keyframe on; the first of them takes what was
 * buffered of the old rendition away, and close to the live edge the picture stops.
 */
import { Events, type FragLoadedData, Hls, type LevelDetails } from "hls.js/light";
import { endsSegment } from "./segment-boundary.ts";
import { startLevel } from "./start-plan.ts";

/** What one player is to load. */
export type RungWish = {
  /** As an index among hls.js's levels; -1: whatever it loads. */
  level: number;
  /** What a connection is taken to carry when a player begins. */
  lineBps: number;
};

/** A segment that ends no further than this from what is buffered has been loaded whole. */
const NEAR_S = 0.1;
/** Far enough that hls.js looks for what comes next, in seconds. */
const BEYOND_S = 0.002;

/** hls.js's chooser of renditions, with `wish` in place of its own choice. */
export function answerWith(wish: RungWish): typeof Hls.DefaultConfig.abrController {
  return class SteadyLevels extends Hls.DefaultConfig.abrController {
    #last: FragLoadedData | null = null;
    #isSwitching = false;

    constructor(hls: Hls) {
      super(hls);
      hls.on(Events.MANIFEST_LOADING, () => {
        this.#last = null;
        wish.level = -1;
      });
      hls.on(Events.FRAG_LOADED, (_event, data) => this.#last = data);
      hls.on(Events.LEVEL_SWITCHING, () => this.#isSwitching = this.#isBetweenSegments());
      hls.on(Events.LEVEL_UPDATED, (_event, { details }) => {
        if (this.#isSwitching) placeBefore(details, this.hls.mainForwardBufferInfo?.end ?? 0);
        this.#isSwitching = false;
      });
    }

    /** It measures nothing and calls no request off. */
    protected override registerListeners(): void {}

    override get firstAutoLevel(): number {
      return startLevel(this.hls.levels.map(({ bitrate }) => bitrate), wish.lineBps);
    }

    override get nextAutoLevel(): number {
      const current = this.hls?.loadLevel ?? -1;
      if (current === -1) return this.firstAutoLevel;
      return wish.level !== -1 && this.#isBetweenSegments() ? wish.level : current;
    }

    /** hls.js has changed by itself, as it does where a rendition is gone. */
    override set nextAutoLevel(level: number) {
      if (level === this.hls.loadLevel) return;
      wish.level = level;
      this.#last = null;
    }

    #isBetweenSegments(): boolean {
      const { frag, part = null } = this.#last ?? {};
      if (frag === undefined || part === null) return true;
      const parts = this.hls.levels[frag.level]?.details?.partList ?? [];
      const listed = parts.map(({ fragment, index }) => ({ sn: fragment.sn, index }));
      return endsSegment({ sn: part.fragment.sn, index: part.index }, listed);
    }
  };
}

/**
 * Times in the playlist of another rendition are rounded: where its last segment ends a moment after
 * what is buffered, hls.js would load all of it again. It finds the true times with the next part.
 */
function placeBefore({ fragments, fragmentHint }: LevelDetails, bufferEndS: number): void {
  const overS = (fragments.at(-1)?.end ?? 0) - bufferEndS;
  if (overS < -BEYOND_S || overS > NEAR_S) return;
  const all = fragmentHint === undefined ? fragments : [...fragments, fragmentHint];
  for (const fragment of all) fragment.setStart(fragment.start - overS - BEYOND_S);
}
