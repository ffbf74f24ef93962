/**
 * What a player will ask for first, told from a broadcast's playlists. Pure.
 */

/** What a connection is taken to carry before anything was measured: a start with little is a start soon. */
export const START_BANDWIDTH_BPS = 3_000_000;

/** The largest of renditions whose `bitratesBps` rise that fits into `lineBps`, or else the smallest. */
export function startLevel(bitratesBps: readonly number[], lineBps: number): number {
  return Math.max(0, bitratesBps.findLastIndex((bitrateBps) => bitrateBps <= lineBps));
}

/** The URI of the rendition that is played first; null: the playlist names none. */
export function startRendition(multivariant: string): string | null {
  const variants = Array.from(
    multivariant.matchAll(/^#EXT-X-STREAM-INF:(.*)\n([^#\s].*)$/gm),
    ([, attributes = "", uri = ""]) => ({ uri, bandwidthBps: numberOf(attributes, "BANDWIDTH") }),
  ).toSorted((one, other) => one.bandwidthBps - other.bandwidthBps);
  const bitratesBps = variants.map(({ bandwidthBps }) => bandwidthBps);
  return variants[startLevel(bitratesBps, START_BANDWIDTH_BPS)]?.uri ?? null;
}

/**
 * The URIs with which a live picture begins: the init segment, and every part from the last keyframe
 * on that is as far from the edge as recommended.
 */
export function startFiles(playlist: string): string[] {
  const init = Array.from(playlist.matchAll(/^#EXT-X-MAP:URI="([^"]+)"/gm)).at(-1)?.[1];
  const parts = Array.from(playlist.matchAll(/^#EXT-X-PART:(.*)$/gm), ([, attributes = ""]) => ({
    uri: /URI="([^"]+)"/.exec(attributes)?.[1] ?? "",
    durationS: numberOf(attributes, "DURATION"),
    isIndependent: attributes.includes("INDEPENDENT=YES"),
  }));
  if (init === undefined || parts.length === 0) return [];
  const holdBackS = numberOf(
    /^#EXT-X-SERVER-CONTROL:(.*)$/m.exec(playlist)?.[1] ?? "",
    "PART-HOLD-BACK",
  );
  let first = parts.length - 1;
  let fromEdgeS = 0;
  for (; first > 0; first -= 1) {
    fromEdgeS += parts[first]?.durationS ?? 0;
    if (fromEdgeS >= holdBackS && parts[first]?.isIndependent) break;
  }
  return [init, ...parts.slice(first).map(({ uri }) => uri)];
}

function numberOf(attributes: string, name: string): number {
  return Number(new RegExp(`(?:^|,)${name}=([\\d.]+)`).exec(attributes)?.[1] ?? 0);
}
