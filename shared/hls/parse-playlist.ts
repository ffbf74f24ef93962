/**
 * Playlists as data, as far as they can be read: what is missing is null or NaN, nothing throws.
 * @see draft-pantos-hls-rfc8216bis-20
 */

/** `tag` without its `#`; empty for a URI line. */
export type PlaylistLine = { readonly tag: string; readonly value: string };

export type CheckedPart = {
  readonly uri: string;
  readonly durationS: number;
  readonly isIndependent: boolean;
};

export type CheckedSegment = {
  readonly msn: number;
  readonly uri: string;
  readonly durationS: number;
  readonly isDiscontinuous: boolean;
  readonly initUri: string | null;
  readonly wallClockMs: number | null;
  readonly parts: readonly CheckedPart[];
};

export type ServerControl = {
  readonly canBlockReload: boolean;
  readonly canSkipUntilS: number | null;
  readonly partHoldBackS: number | null;
  readonly holdBackS: number | null;
};

/** How far another rendition is, as a playlist reports it. */
export type CheckedReport = {
  readonly uri: string;
  readonly lastMsn: number;
  readonly lastPart: number | null;
};

/** What the lines of a media playlist say. */
export type ParsedPlaylist = {
  readonly version: number;
  readonly targetDurationS: number;
  readonly partTargetS: number | null;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly skipped: number;
  readonly serverControl: ServerControl;
  readonly segments: readonly CheckedSegment[];
  readonly openParts: readonly CheckedPart[];
  /** Wall clock and discontinuity of the open segment. */
  readonly openHead: { readonly isDiscontinuous: boolean; readonly wallClockMs: number | null };
  readonly preloadHintUri: string | null;
  readonly reports: readonly CheckedReport[];
  /** Segments or parts that are pieces of files: more than one has the same URI. */
  readonly hasByteRanges: boolean;
  readonly isEnded: boolean;
  readonly isVod: boolean;
};

/** The lines that say something: tags and URIs, without comments and empty lines. */
export function splitLines(text: string): PlaylistLine[] {
  return text.split(/\r?\n/).filter((line) => line !== "" && !/^#(?!EXT)/.test(line)).map(
    (line) => {
      if (!line.startsWith("#")) return { tag: "", value: line };
      const colon = line.indexOf(":");
      if (colon === -1) return { tag: line.slice(1), value: "" };
      return { tag: line.slice(1, colon), value: line.slice(colon + 1) };
    },
  );
}

/** Whether `text` lists renditions (and not media segments). */
export function isMultivariant(text: string): boolean {
  return splitLines(text).some(({ tag }) => tag === "EXT-X-STREAM-INF");
}

export function parseMediaPlaylist(lines: readonly PlaylistLine[]): ParsedPlaylist {
  const head = parseHead(lines);
  return { ...head, ...parseBody(lines, head) };
}

type Body = Pick<ParsedPlaylist, "segments" | "openParts" | "openHead" | "preloadHintUri">;

function parseHead(lines: readonly PlaylistLine[]): Omit<ParsedPlaylist, keyof Body> {
  const valueOf = (tag: string) => lines.find((line) => line.tag === tag)?.value;
  const partInf = valueOf("EXT-X-PART-INF");
  const control = valueOf("EXT-X-SERVER-CONTROL") ?? "";
  return {
    version: Number(valueOf("EXT-X-VERSION") ?? 1),
    targetDurationS: Number(valueOf("EXT-X-TARGETDURATION") ?? 0),
    partTargetS: partInf === undefined ? null : Number(attributeOf(partInf, "PART-TARGET")),
    mediaSequence: Number(valueOf("EXT-X-MEDIA-SEQUENCE") ?? 0),
    discontinuitySequence: Number(valueOf("EXT-X-DISCONTINUITY-SEQUENCE") ?? 0),
    skipped: Number(attributeOf(valueOf("EXT-X-SKIP") ?? "", "SKIPPED-SEGMENTS") ?? 0),
    serverControl: {
      canBlockReload: attributeOf(control, "CAN-BLOCK-RELOAD") === "YES",
      canSkipUntilS: numberOf(control, "CAN-SKIP-UNTIL"),
      partHoldBackS: numberOf(control, "PART-HOLD-BACK"),
      holdBackS: numberOf(control, "HOLD-BACK"),
    },
    reports: lines.filter(({ tag }) => tag === "EXT-X-RENDITION-REPORT").map(({ value }) => ({
      uri: attributeOf(value, "URI") ?? "",
      lastMsn: numberOf(value, "LAST-MSN") ?? Number.NaN,
      lastPart: numberOf(value, "LAST-PART"),
    })),
    hasByteRanges: lines.some(({ tag, value }) =>
      tag === "EXT-X-BYTERANGE" || (tag === "EXT-X-PART" && numberOf(value, "BYTERANGE") !== null)
    ),
    isEnded: lines.some((line) => line.tag === "EXT-X-ENDLIST"),
    isVod: valueOf("EXT-X-PLAYLIST-TYPE") === "VOD",
  };
}

function parseBody(
  lines: readonly PlaylistLine[],
  head: Pick<ParsedPlaylist, "mediaSequence" | "skipped">,
): Body {
  const segments: CheckedSegment[] = [];
  let initUri: string | null = null;
  let preloadHintUri: string | null = null;
  let next = freshSegment();
  for (const { tag, value } of lines) {
    if (tag === "EXT-X-MAP") initUri = attributeOf(value, "URI");
    if (tag === "EXT-X-DISCONTINUITY") next.isDiscontinuous = true;
    if (tag === "EXT-X-PROGRAM-DATE-TIME") next.wallClockMs = Date.parse(value);
    if (tag === "EXT-X-PRELOAD-HINT" && attributeOf(value, "TYPE") === "PART") {
      preloadHintUri = attributeOf(value, "URI");
    }
    if (tag === "EXT-X-PART") next.parts.push(parsePart(value));
    if (tag === "EXTINF") next.durationS = Number(value.split(",")[0]);
    if (tag !== "") continue;
    const msn = head.mediaSequence + head.skipped + segments.length;
    segments.push({ ...next, msn, uri: value, initUri });
    next = freshSegment();
  }
  const { isDiscontinuous, wallClockMs } = next;
  const openHead = { isDiscontinuous, wallClockMs };
  return { segments, openParts: next.parts, openHead, preloadHintUri };
}

function freshSegment() {
  return {
    isDiscontinuous: false,
    wallClockMs: null as number | null,
    parts: [] as CheckedPart[],
    durationS: Number.NaN,
  };
}

function parsePart(value: string): CheckedPart {
  return {
    uri: attributeOf(value, "URI") ?? "",
    durationS: numberOf(value, "DURATION") ?? Number.NaN,
    isIndependent: attributeOf(value, "INDEPENDENT") === "YES",
  };
}

/** The value of one attribute of an attribute list, without its quotes; null when it is not there. */
export function attributeOf(list: string, name: string): string | null {
  for (const match of list.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^",]*))(?:,|$)/g)) {
    if (match[1] === name) return match[2] ?? match[3] ?? null;
  }
  return null;
}

/** A number among the attributes; null when it is not there. */
export function numberOf(list: string, name: string): number | null {
  const value = attributeOf(list, name);
  return value === null ? null : Number(value);
}
