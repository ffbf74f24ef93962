/**
 * Chooses among renditions as hls.js does, but changes only where a segment begins. Within one, the parts
 * so far would have to be loaded again from its keyframe on; the first of them takes what was buffered
 * of the old rendition away, and close to the live edge the picture stops.
 */
import { Events, type FragLoadedData, Hls } from "hls.js/light";
import { endsSegment } from "./segment-boundary.ts";

export class SteadyLevels extends Hls.DefaultConfig.abrController {
  #last: FragLoadedData | null = null;
  /** What was answered against hls.js's wish; -1: it had its way. */
  #held = -1;
  /** The rendition that was last asked for. */
  #wish = -1;

  constructor(hls: Hls) {
    super(hls);
    hls.on(Events.MANIFEST_LOADING, () => this.#last = null);
    hls.on(Events.FRAG_LOADED, (_event, data) => this.#last = data);
  }

  override get nextAutoLevel(): number {
    const wanted = super.nextAutoLevel;
    const current = this.hls?.loadLevel ?? -1;
    // A line too slow for it does not bring a segment to its end in time.
    const isTooMuch = current > (this.hls?.maxAutoLevel ?? -1);
    const mayChange = current === -1 || isTooMuch || this.#isBetweenSegments();
    this.#held = mayChange ? -1 : current;
    return mayChange ? wanted : current;
  }

  override set nextAutoLevel(level: number) {
    // hls.js sets what it was answered: that takes no wish for more back.
    if (level === this.#held && this.#wish > level) return;
    this.#wish = level;
    super.nextAutoLevel = level;
  }

  #isBetweenSegments(): boolean {
    const { frag, part = null } = this.#last ?? {};
    if (frag === undefined || part === null) return true;
    const parts = this.hls.levels[frag.level]?.details?.partList ?? [];
    const listed = parts.map(({ fragment, index }) => ({ sn: fragment.sn, index }));
    return endsSegment({ sn: part.fragment.sn, index: part.index }, listed);
  }
}
