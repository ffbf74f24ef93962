/**
 * Which changes of a source take another engine.
 */
import type { Source } from "../ingest/source.ts";

/** Whether decoders and encoders that run can go on with what comes. */
export function isSamePicture(one: Source, other: Source): boolean {
  const isClassic = one.audio?.kind === "classic" || other.audio?.kind === "classic";
  if (isClassic && one.audio !== other.audio) return false;
  if (one.video === null || other.video === null) return one.video === other.video;
  const [{ config: before }, { config: after }] = [one.video, other.video];
  return before.width === after.width && before.height === after.height &&
    before.displayWidth === after.displayWidth &&
    one.video.isInterlaced === other.video.isInterlaced &&
    one.details.isCommonFormat === other.details.isCommonFormat;
}
