/**
 * The renditions of what is played in the form media-chrome's menu reads from a media element.
 * @see https://github.com/muxinc/media-elements/tree/main/packages/media-tracks
 */
import type { Rendition, RenditionChoice } from "../engine/player.ts";
import { keepPreferences } from "./preferences.ts";

type Listed = {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
};

export class RenditionList extends EventTarget {
  readonly [index: number]: Listed;
  #choice: RenditionChoice | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The viewer's; -1: the player chooses. */
  get selectedIndex(): number {
    return this.#choice?.chosen ?? -1;
  }

  set selectedIndex(index: number) {
    if (index !== -1 && this[index] === undefined) return;
    this.#choice?.choose(index);
    keepPreferences({ heightPx: this[index]?.height });
    this.dispatchEvent(new Event("change"));
  }

  [Symbol.iterator](): Iterator<Listed> {
    return Array.prototype.values.call(this) as ArrayIterator<Listed>;
  }

  /** Null: there is nothing to choose. */
  follow(choice: RenditionChoice | null): void {
    this.#choice = choice;
    this.#list(choice?.renditions ?? []);
    choice?.onListed((renditions) => {
      if (this.#choice === choice) this.#list(renditions);
    });
  }

  #list(renditions: readonly Rendition[]): void {
    const slots = this as unknown as Record<number, Listed>;
    for (let index = 0; index < this.#length; index += 1) delete slots[index];
    for (const [index, { width, height, bitrateBps }] of renditions.entries()) {
      slots[index] = { id: String(index), width, height, bitrate: bitrateBps };
    }
    this.#length = renditions.length;
    this.dispatchEvent(new Event("addrendition"));
    this.dispatchEvent(new Event("change"));
  }
}
