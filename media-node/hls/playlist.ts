/**
 * Playlists as text. Pure: a snapshot in, the document out.
 * @see draft-pantos-hls-rfc8216bis-20
 */

export type PartEntry = {
  readonly uri: string;
  readonly durationS: number;
  readonly isIndependent: boolean;
};

/** What stands above a segment's first line, or above the first part of the open one. */
export type SegmentHead = {
  readonly isDiscontinuous: boolean;
  readonly initUri: string;
  /** Wall clock of its first frame, Unix ms. */
  readonly wallClockMs: number;
};

export type SegmentEntry = SegmentHead & {
  readonly uri: string;
  readonly durationS: number;
  /** Empty when its parts are not listed (any more). */
  readonly parts: readonly PartEntry[];
  /** Its EXTINF and URI lines, when they were written before. */
  readonly text?: string;
};

/** How far another rendition of the broadcast is. */
export type RenditionReport = {
  readonly uri: string;
  readonly lastMsn: number;
  /** Null without parts. */
  readonly lastPart: number | null;
};

export type LivePlaylist = {
  readonly targetDurationS: number;
  /** Null: no parts. */
  readonly partTargetS: number | null;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly segments: readonly SegmentEntry[];
  /** The segment that is still being written; null until it has a part. */
  readonly open: (SegmentHead & { readonly parts: readonly PartEntry[] }) | null;
  /** Null: there will be no further part, or there are no parts at all. */
  readonly preloadHintUri: string | null;
  readonly reports: readonly RenditionReport[];
  readonly isEnded: boolean;
  /** Delta updates are offered. */
  readonly canSkip: boolean;
};

export type VodPlaylist = Pick<LivePlaylist, "targetDurationS" | "mediaSequence" | "segments">;

/** CAN-SKIP-UNTIL, in target durations: the least the draft allows. */
const SKIP_BOUNDARY_TARGETS = 6;

/** The live media playlist; with `isDelta` the segments past the skip boundary are left out. */
export function renderLivePlaylist(playlist: LivePlaylist, isDelta = false): string {
  const skipped = isDelta ? skippableSegments(playlist) : 0;
  const lines = [
    "#EXTM3U",
    `#EXT-X-VERSION:${playlist.canSkip ? 9 : 6}`,
    `#EXT-X-TARGETDURATION:${playlist.targetDurationS}`,
    serverControl(playlist),
    ...(playlist.partTargetS === null
      ? []
      : [`#EXT-X-PART-INF:PART-TARGET=${seconds(playlist.partTargetS)}`]),
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    ...(playlist.discontinuitySequence === 0
      ? []
      : [`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`]),
    ...(skipped === 0 ? [] : [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`]),
  ];
  const initUri = pushSegments(lines, playlist.segments.slice(skipped));
  if (playlist.open !== null) {
    pushHead(lines, playlist.open, initUri);
    pushParts(lines, playlist.open.parts);
  }
  if (playlist.isEnded) lines.push("#EXT-X-ENDLIST");
  else pushEdge(lines, playlist);
  return `${lines.join("\n")}\n`;
}

/** The media playlist of a finished recording. */
export function renderVodPlaylist(playlist: VodPlaylist): string {
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:6",
    `#EXT-X-TARGETDURATION:${playlist.targetDurationS}`,
    "#EXT-X-PLAYLIST-TYPE:VOD",
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
  ];
  pushSegments(lines, playlist.segments);
  lines.push("#EXT-X-ENDLIST");
  return `${lines.join("\n")}\n`;
}

/** One rendition as the multivariant playlist offers it. */
export type Variant = {
  readonly uri: string;
  /** Never below the measured peak of a segment. */
  readonly bandwidthBps: number;
  readonly averageBandwidthBps: number;
  /** RFC 6381. */
  readonly codecs: readonly string[];
  readonly width: number | null;
  readonly height: number | null;
  readonly fps: number | null;
};

/** What is known of captions in the pictures. A broadcast that runs may have some yet: `unknown`. */
export type Captions = "some" | "none" | "unknown";

export type MultivariantFacts = {
  /** Every segment of every rendition starts at a keyframe. */
  readonly isIndependent: boolean;
  readonly captions: Captions;
};

const CAPTION_GROUP = "cc";
const CAPTION_TRACK =
  `#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="${CAPTION_GROUP}",NAME="CC1",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="CC1"`;
const CAPTION_ATTRIBUTES: Readonly<Record<Captions, readonly string[]>> = {
  some: [`CLOSED-CAPTIONS="${CAPTION_GROUP}"`],
  // RFC 8216bis 4.4.6.2: NONE swears that there are none; without the attribute nothing is said.
  none: ["CLOSED-CAPTIONS=NONE"],
  unknown: [],
};

export function renderMultivariant(
  variants: readonly Variant[],
  { isIndependent, captions }: MultivariantFacts,
): string {
  const lines = ["#EXTM3U", "#EXT-X-VERSION:6"];
  if (isIndependent) lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  if (captions === "some") lines.push(CAPTION_TRACK);
  for (const variant of variants) {
    const attributes = [
      `BANDWIDTH=${Math.ceil(variant.bandwidthBps)}`,
      `AVERAGE-BANDWIDTH=${Math.ceil(variant.averageBandwidthBps)}`,
      `CODECS="${variant.codecs.join(",")}"`,
      ...(variant.width === null ? [] : [`RESOLUTION=${variant.width}x${variant.height ?? 0}`]),
      ...(variant.fps === null ? [] : [`FRAME-RATE=${variant.fps.toFixed(3)}`]),
      ...(variant.width === null ? [] : CAPTION_ATTRIBUTES[captions]),
    ];
    lines.push(`#EXT-X-STREAM-INF:${attributes.join(",")}`, variant.uri);
  }
  return `${lines.join("\n")}\n`;
}

function serverControl(playlist: LivePlaylist): string {
  const { partTargetS, targetDurationS, canSkip } = playlist;
  const attributes = ["CAN-BLOCK-RELOAD=YES"];
  if (canSkip) {
    attributes.push(`CAN-SKIP-UNTIL=${seconds(SKIP_BOUNDARY_TARGETS * targetDurationS)}`);
  }
  if (partTargetS !== null) {
    attributes.push(
      // RFC 8216bis 4.4.3.8: at least three PART-TARGETs, as they read after rounding
      `PART-HOLD-BACK=${seconds(3 * Number(seconds(partTargetS)))}`,
      `HOLD-BACK=${seconds(3 * targetDurationS)}`,
    );
  }
  return `#EXT-X-SERVER-CONTROL:${attributes.join(",")}`;
}

/**
 * How many segments a delta update leaves out: those past the skip boundary, but none at or after a
 * discontinuity, so that no discontinuity vanishes.
 */
function skippableSegments(playlist: LivePlaylist): number {
  const { segments, open, targetDurationS, canSkip } = playlist;
  if (!canSkip) return 0;
  let untilEndS = (open?.parts ?? []).reduce((sum, part) => sum + part.durationS, 0);
  let count = segments.length;
  while (count > 0 && untilEndS < SKIP_BOUNDARY_TARGETS * targetDurationS) {
    count -= 1;
    untilEndS += segments[count]?.durationS ?? 0;
  }
  const discontinuity = segments.findIndex((segment) => segment.isDiscontinuous);
  return discontinuity === -1 ? count : Math.min(count, discontinuity);
}

function pushSegments(lines: string[], segments: readonly SegmentEntry[]): string | null {
  let initUri: string | null = null;
  for (const segment of segments) {
    initUri = pushHead(lines, segment, initUri);
    pushParts(lines, segment.parts);
    lines.push(segment.text ?? segmentLines(segment));
  }
  return initUri;
}

/** The EXTINF and URI lines of a segment. */
export function segmentLines({ durationS, uri }: Pick<SegmentEntry, "durationS" | "uri">): string {
  return `#EXTINF:${seconds(durationS)},\n${uri}`;
}

function pushHead(lines: string[], head: SegmentHead, initUri: string | null): string {
  if (head.isDiscontinuous) lines.push("#EXT-X-DISCONTINUITY");
  if (head.initUri !== initUri) lines.push(`#EXT-X-MAP:URI="${head.initUri}"`);
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(head.wallClockMs).toISOString()}`);
  return head.initUri;
}

function pushParts(lines: string[], parts: readonly PartEntry[]): void {
  for (const part of parts) {
    const independent = part.isIndependent ? ",INDEPENDENT=YES" : "";
    lines.push(`#EXT-X-PART:DURATION=${seconds(part.durationS)},URI="${part.uri}"${independent}`);
  }
}

function pushEdge(lines: string[], playlist: LivePlaylist): void {
  if (playlist.preloadHintUri !== null) {
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.preloadHintUri}"`);
  }
  for (const { uri, lastMsn, lastPart } of playlist.reports) {
    const part = lastPart === null ? "" : `,LAST-PART=${lastPart}`;
    lines.push(`#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastMsn}${part}`);
  }
}

/** Seconds as a playlist says them: with at most five places. */
export function asListed(seconds: number): number {
  return Number(seconds.toFixed(5));
}

/** Decimal seconds without trailing zeros. */
function seconds(value: number): string {
  return String(asListed(value));
}
