/**
 * Loads the multivariant playlist of a live broadcast now and then, to hold what it said of each
 * rendition to what was measured of the segments that were complete by then.
 */
import { checkBandwidth } from "#shared/hls/check-bytes.ts";
import { checkMultivariant, readMultivariant } from "#shared/hls/check-multivariant.ts";
import type { MeasuredRendition } from "#test/helpers/check-recording.ts";
import type { PlaylistReader } from "#test/helpers/playlist-reader.ts";

const INTERVAL_MS = 5000;

type Load = { readonly text: string; readonly complete: ReadonlyMap<string, number> };

export class BandwidthWitness {
  readonly #url: string;
  readonly #readers: readonly PlaylistReader[];
  readonly #loads: Load[] = [];

  constructor(url: string, readers: readonly PlaylistReader[]) {
    this.#url = url;
    this.#readers = readers;
  }

  /** Resolves when the playlists have ended. */
  async run(): Promise<void> {
    while (this.#readers.some(({ isEnded }) => !isEnded)) {
      // Before the load: what was complete then must be told by it.
      const complete = new Map(this.#readers.map(({ name, segments }) => [name, segments]));
      const response = await fetch(this.#url).catch(() => null);
      if (response?.ok === true) this.#loads.push({ text: await response.text(), complete });
      await Bun.sleep(INTERVAL_MS);
    }
  }

  /** `renditions`: as they were recorded. */
  check(renditions: readonly MeasuredRendition[]): string[] {
    return this.#loads.flatMap(({ text, complete }) => [
      ...checkMultivariant(text),
      ...readMultivariant(text).variants.flatMap(({ uri, bandwidthBps }) => {
        const measured = renditions.find((rendition) => rendition.uri === uri);
        const reader = this.#readers.find(({ url }) => url === new URL(uri, this.#url).href);
        if (measured === undefined || reader === undefined) return [`${uri} was not recorded`];
        const { segments, targetDurationS } = measured;
        const known = segments.slice(0, complete.get(reader.name) ?? 0);
        return checkBandwidth(bandwidthBps, known, targetDurationS).map((found) =>
          `${reader.name}, after ${known.length} segments: ${found}`
        );
      }),
    ]);
  }
}
