/**
 * What a playlist promises over time: each load against the one before it, a delta update against
 * what it leaves out.
 * @see draft-pantos-hls-rfc8216bis-20
 */
import { type CheckedPlaylist, readMediaPlaylist } from "./check-playlist.ts";
import type { CheckedPart, CheckedSegment } from "./parse-playlist.ts";

/** What a later load of a live playlist breaks of the promises of an earlier one. */
export function checkReload(before: string, after: string): string[] {
  return compareLoads(readMediaPlaylist(before), readMediaPlaylist(after));
}

/** `checkReload()` of playlists that were read already. */
export function compareLoads(old: CheckedPlaylist, now: CheckedPlaylist): string[] {
  const complaints: string[] = [];
  if (now.isVod) return complaints;
  // 6.2.1: nothing follows the end
  if (old.isEnded && !now.isEnded) complaints.push("EXT-X-ENDLIST vanished");
  if (old.isEnded && endOf(now) > endOf(old)) complaints.push("segments came after EXT-X-ENDLIST");
  for (const name of ["mediaSequence", "discontinuitySequence"] as const) {
    if (now[name] < old[name]) {
      complaints.push(`${name} went back from ${old[name]} to ${now[name]}`);
    }
  }
  for (const name of ["targetDurationS", "partTargetS"] as const) {
    if (now[name] !== old[name]) {
      complaints.push(`${name} changed from ${String(old[name])} to ${String(now[name])}`);
    }
  }
  if (endOf(now) < endOf(old)) complaints.push("segments vanished from the end");
  compareSegments(old, now, complaints);
  compareRemoved(old, now, complaints);
  compareParts(old, now, complaints);
  return complaints;
}

/** The media sequence number after the last complete segment. */
export function endOf(playlist: CheckedPlaylist): number {
  return playlist.mediaSequence + playlist.skipped + playlist.segments.length;
}

function compareSegments(old: CheckedPlaylist, now: CheckedPlaylist, complaints: string[]): void {
  const known = new Map(old.segments.map((segment) => [segment.msn, segment]));
  for (const segment of now.segments) {
    const same = known.get(segment.msn);
    if (same === undefined) continue;
    if (same.uri !== segment.uri || same.durationS !== segment.durationS) {
      complaints.push(`segment ${segment.msn} changed`);
    }
    if (same.isDiscontinuous !== segment.isDiscontinuous) {
      complaints.push(`the discontinuity of segment ${segment.msn} changed`);
    }
  }
}

function compareRemoved(old: CheckedPlaylist, now: CheckedPlaylist, complaints: string[]): void {
  const removed = old.segments.filter(({ msn }) => msn < now.mediaSequence);
  if (old.skipped > 0 || removed.length < now.mediaSequence - old.mediaSequence) return;
  // 4.4.3.3, 6.2.2: the count grows with every EXT-X-DISCONTINUITY that leaves the playlist
  const expected = old.discontinuitySequence +
    removed.filter(({ isDiscontinuous }) => isDiscontinuous).length;
  if (now.discontinuitySequence !== expected) {
    complaints.push(
      `discontinuitySequence is ${now.discontinuitySequence}, ` +
        `with what left the playlist it should be ${expected}`,
    );
  }
  // 6.2.2: no segment leaves a playlist that would then be shorter than three target durations
  const leftS = now.segments.reduce((sum, { durationS }) => sum + durationS, 0);
  if (removed.length > 0 && now.skipped === 0 && leftS < 3 * now.targetDurationS) {
    complaints.push(`segments left, and ${leftS.toFixed(3)} s are no three target durations`);
  }
}

/** Parts by the number of their segment, the open one included. */
function partsOf(playlist: CheckedPlaylist): Map<number, readonly CheckedPart[]> {
  const parts = new Map<number, readonly CheckedPart[]>();
  for (const segment of playlist.segments) parts.set(segment.msn, segment.parts);
  parts.set(endOf(playlist), playlist.openParts);
  return parts;
}

function compareParts(old: CheckedPlaylist, now: CheckedPlaylist, complaints: string[]): void {
  const known = partsOf(old);
  const hintedMsn = endOf(old);
  for (const [msn, parts] of partsOf(now)) {
    const before = known.get(msn) ?? [];
    // 4.4.4.9: parts of old segments are listed no longer, but never only some of them
    if (parts.length === 0) continue;
    const isSame = before.every((part, index) =>
      part.uri === parts[index]?.uri && part.durationS === parts[index].durationS
    );
    if (!isSame) complaints.push(`parts of segment ${msn} changed`);
    if (msn !== hintedMsn || !isSame || old.preloadHintUri === null || now.hasByteRanges) continue;
    const came = parts[before.length]?.uri;
    if (came !== undefined && came !== old.preloadHintUri) {
      complaints.push(`${old.preloadHintUri} was hinted, ${came} came`);
    }
  }
}

/**
 * What a delta update breaks: it skips only what `before` has and what is old enough, and with it
 * filled in it says what `full`, a whole playlist of about the same time, says.
 */
export function checkDelta(before: string, delta: string, full: string): string[] {
  const [old, update, whole] = [before, delta, full].map(readMediaPlaylist);
  if (old === undefined || update === undefined || whole === undefined) return [];
  const complaints: string[] = [];
  const rebuilt = applyDelta(old, update);
  if (rebuilt.length < endOf(update) - update.mediaSequence) {
    complaints.push("the delta update skips segments that were never listed");
  }
  if (update.skipped > 0) complaints.push(...checkSkipped(update));
  const known = new Map(whole.segments.map((segment) => [segment.msn, segment]));
  for (const segment of rebuilt) {
    const same = known.get(segment.msn);
    if (same !== undefined && !isSameSegment(same, segment)) {
      complaints.push(`the delta update makes another segment ${segment.msn}`);
    }
  }
  return complaints;
}

/** The segments of `delta` with those it skips taken from `old`. */
export function applyDelta(old: CheckedPlaylist, delta: CheckedPlaylist): CheckedSegment[] {
  const from = delta.mediaSequence;
  const skipped = old.segments.filter(({ msn }) => msn >= from && msn < from + delta.skipped);
  const last = skipped.at(-1) ?? null;
  // EXT-X-MAP goes on over what was skipped.
  const listed = delta.segments.map((segment) =>
    segment.initUri === null ? { ...segment, initUri: last?.initUri ?? null } : segment
  );
  return [...skipped, ...listed];
}

/** 4.4.5.2, 6.2.5.1: only segments further than CAN-SKIP-UNTIL from the end are skipped. */
function checkSkipped(delta: CheckedPlaylist): string[] {
  const untilS = delta.serverControl.canSkipUntilS;
  if (untilS === null) return ["EXT-X-SKIP without CAN-SKIP-UNTIL"];
  const keptS = delta.segments.reduce((sum, { durationS }) => sum + durationS, 0) +
    delta.openParts.reduce((sum, { durationS }) => sum + durationS, 0);
  if (keptS >= untilS - 1e-3) return [];
  return [`the delta update keeps ${keptS.toFixed(3)} s, CAN-SKIP-UNTIL is ${untilS}`];
}

function isSameSegment(one: CheckedSegment, other: CheckedSegment): boolean {
  return one.uri === other.uri && one.durationS === other.durationS &&
    one.isDiscontinuous === other.isDiscontinuous && one.initUri === other.initUri &&
    one.wallClockMs === other.wallClockMs;
}
