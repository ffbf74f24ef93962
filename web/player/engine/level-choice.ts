/**
 * hls.js's levels as the renditions a viewer chooses among.
 */
import { Events, type Hls } from "hls.js/light";
import type { Rendition, RenditionChoice } from "./player.ts";
import type { RungChooser } from "./rung-chooser.ts";

export class LevelChoice implements RenditionChoice {
  readonly #hls: Hls;
  /** Of a live picture; a recording's renditions are hls.js's to choose. */
  readonly #chooser: RungChooser | null;

  constructor(hls: Hls, chooser: RungChooser | null) {
    this.#hls = hls;
    this.#chooser = chooser;
  }

  get renditions(): readonly Rendition[] {
    return this.#hls.levels.map(({ width, height, bitrate }) => ({
      width,
      height,
      bitrateBps: bitrate,
    }));
  }

  get chosen(): number {
    return this.#chooser?.pinned ?? this.#hls.manualLevel;
  }

  choose(index: number): void {
    if (this.#chooser !== null) return this.#chooser.pin(index);
    // What is buffered of the other rendition is replaced from the next segment on.
    this.#hls.nextLevel = index;
  }

  onListed(listener: (renditions: readonly Rendition[]) => void): void {
    this.#hls.on(Events.MANIFEST_PARSED, () => listener(this.renditions));
    // A playlist that was asked for early may be read by now.
    if (this.#hls.levels.length > 0) listener(this.renditions);
  }

  onPlayed(listener: (rendition: Rendition) => void): void {
    this.#hls.on(Events.LEVEL_SWITCHED, (_event, { level }) => {
      const rendition = this.renditions[level];
      if (rendition !== undefined) listener(rendition);
    });
  }
}
