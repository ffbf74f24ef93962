/**
 * The same fragments at another time.
 * @see ISO/IEC 14496-12 8.8.12
 */
import { BoxError, findBox, readBoxes } from "./boxes.ts";
import { readInitTracks } from "./segment-runs.ts";

/**
 * A copy of `segment` with every decode time moved by `shiftMs`, but none before 0; `init` tells the
 * clock of each track.
 * @throws BoxError when the two are not what they should be
 */
export function shiftFragments(
  init: Uint8Array,
  segment: Uint8Array,
  shiftMs: number,
): Uint8Array<ArrayBuffer> {
  const timescales = new Map(readInitTracks(init).map((one) => [one.trackId, one.timescale]));
  const shifted = new Uint8Array(segment);
  for (const moof of readBoxes(shifted)) {
    if (moof.type !== "moof") continue;
    for (const traf of readBoxes(moof.body)) {
      if (traf.type === "traf") shiftTrack(traf.body, timescales, shiftMs);
    }
  }
  return shifted;
}

function shiftTrack(
  traf: Uint8Array,
  timescales: ReadonlyMap<number, number>,
  shiftMs: number,
): void {
  const header = viewOf(traf, "tfhd", 8);
  const time = viewOf(traf, "tfdt", 8);
  const timescale = timescales.get(header.getUint32(4));
  if (timescale === undefined) throw new BoxError("a fragment's track has no description");
  const move = (ticks: number) => Math.max(0, ticks + Math.round(shiftMs * timescale / 1000));
  if (time.getUint8(0) === 0) return time.setUint32(4, move(time.getUint32(4)));
  if (time.byteLength < 12) throw new BoxError("a tfdt is cut off");
  time.setBigUint64(4, BigInt(move(Number(time.getBigUint64(4)))));
}

function viewOf(traf: Uint8Array, type: string, bytes: number): DataView {
  const { body } = findBox(traf, [type]) ?? {};
  if (body === undefined || body.length < bytes) throw new BoxError(`a traf has no whole ${type}`);
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
}
