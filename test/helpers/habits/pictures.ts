/**
 * Habits of video: how a picture is cut into tags, how its NAL units are written, and what the tag
 * says of it.
 * @see ISO/IEC 14496-10 annex B, ISO/IEC 14496-15 5.3.3.1
 */
import {
  contentOf,
  type Habit,
  isFrameOf,
  isHeader,
  isKeyframe,
  mapFrames,
  type WireTag,
  withContent,
} from "./wire-tag.ts";

const KEYFRAME = 0x17;
const INTERFRAME = 0x27;
const SPS = 7;
const PPS = 8;

/** The NAL units of a good encoder's tag: each behind 4 bytes of length. */
export function unitsOf(tag: WireTag): Uint8Array[] {
  const content = contentOf(tag);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const units: Uint8Array[] = [];
  for (let at = 0; at + 4 <= content.length;) {
    const end = at + 4 + view.getUint32(at);
    units.push(content.subarray(at + 4, end));
    at = end;
  }
  return units;
}

export const unitTypeOf = (unit: Uint8Array) => (unit[0] ?? 0) & 31;

/** `units` behind lengths of so many bytes. */
export function joinUnits(units: readonly Uint8Array[], lengthBytes = 4): Uint8Array {
  return Buffer.concat(units.flatMap((unit) => {
    if (unit.length >= 256 ** lengthBytes) {
      throw new Error(`a unit of ${unit.length} bytes has no length of ${lengthBytes} bytes`);
    }
    const length = Buffer.alloc(lengthBytes);
    length.writeUIntBE(unit.length, 0, lengthBytes);
    return [length, unit];
  }));
}

/** `units` behind start codes. */
export function startCodes(units: readonly Uint8Array[], codeBytes: 3 | 4 = 4): Uint8Array {
  const code = Buffer.alloc(codeBytes);
  code[codeBytes - 1] = 1;
  return Buffer.concat(units.flatMap((unit) => [code, unit]));
}

/** The parameter sets in the AVC header among `tags`. */
export function parameterSetsOf(tags: readonly WireTag[]): Uint8Array[] {
  const header = tags.find((tag) => tag.type === "video" && isHeader(tag));
  const avcC = header === undefined ? new Uint8Array(7) : contentOf(header);
  const view = new DataView(avcC.buffer, avcC.byteOffset, avcC.byteLength);
  const sets: Uint8Array[] = [];
  let at = 5;
  for (const mask of [31, 255]) {
    const count = (avcC[at] ?? 0) & mask;
    at += 1;
    for (let index = 0; index < count; index += 1) {
      const end = at + 2 + view.getUint16(at);
      sets.push(avcC.subarray(at + 2, end));
      at = end;
    }
  }
  return sets;
}

/** Calls every frame a keyframe, or none, or also the one at `atMs`. */
export function flag(which: "all" | "none" | { readonly atMs: number }): Habit {
  let isDone = false;
  return mapFrames("video", (tag) => {
    const isStray = typeof which === "object" && !isDone && tag.stampMs >= which.atMs;
    isDone ||= isStray;
    const first = which === "none"
      ? INTERFRAME
      : which === "all" || isStray
      ? KEYFRAME
      : tag.body[0];
    const body = Uint8Array.from(tag.body);
    body[0] = first ?? 0;
    return { ...tag, body };
  });
}

/** Keyframes carry their parameter sets; the header may go. */
export function repeatParameterSets({ keepsHeader }: { readonly keepsHeader: boolean }): Habit {
  return (tags) => {
    const sets = parameterSetsOf(tags);
    return tags.flatMap((tag) => {
      if (tag.type === "video" && isHeader(tag)) return keepsHeader ? [tag] : [];
      if (!isKeyframe(tag)) return [tag];
      const pictures = unitsOf(tag).filter((unit) => ![SPS, PPS].includes(unitTypeOf(unit)));
      return [withContent(tag, joinUnits([...sets, ...pictures]))];
    });
  };
}

/** Every NAL unit in a tag of its own: parameter sets, SEI, and each slice. */
export function splitUnits(): Habit {
  return mapFrames(
    "video",
    (tag) => unitsOf(tag).map((unit) => withContent(tag, joinUnits([unit]))),
  );
}

/** Start codes where the lengths belong; the header has its sets behind some, too, or none at all. */
export function toAnnexB(codeBytes: 3 | 4 = 4, header: "avcC" | "annex-b" = "avcC"): Habit {
  return (tags) =>
    tags.map((tag) => {
      if (tag.type !== "video") return tag;
      if (!isHeader(tag)) return withContent(tag, startCodes(unitsOf(tag), codeBytes));
      return header === "avcC" ? tag : withContent(tag, startCodes(parameterSetsOf(tags)));
    });
}

/** Lengths of one or two bytes, and a header that says so. */
export function shortenLengths(lengthBytes: 1 | 2): Habit {
  return (tags) =>
    tags.map((tag) => {
      if (tag.type !== "video") return tag;
      if (!isHeader(tag)) return withContent(tag, joinUnits(unitsOf(tag), lengthBytes));
      const avcC = Uint8Array.from(contentOf(tag));
      avcC[4] = 0xfc | (lengthBytes - 1);
      return withContent(tag, avcC);
    });
}

/** What comes after `atMs` is another source's: the phone is turned. */
export function turnInto(
  turned: readonly WireTag[],
  { atMs, hasHeader }: { readonly atMs: number; readonly hasHeader: boolean },
): Habit {
  return (tags) => {
    const isLater = ({ stampMs }: WireTag) => stampMs >= atMs;
    const inBand = repeatParameterSets({ keepsHeader: true })(turned);
    const pictures = (hasHeader ? turned : inBand).filter((tag) =>
      isFrameOf("video", tag) && isLater(tag)
    );
    const { sentMs = 0, stampMs = 0 } = pictures[0] ?? {};
    const header = turned.find((tag) => tag.type === "video" && isHeader(tag));
    const change = hasHeader && header !== undefined ? [{ ...header, sentMs, stampMs }] : [];
    const kept = tags.filter((tag) => tag.type !== "video" || !isLater(tag));
    return [...kept, ...change, ...pictures].toSorted((a, b) => a.sentMs - b.sentMs);
  };
}

/** The AVC header is another source's; what is true comes in the stream. */
export function misdescribe(other: readonly WireTag[]): Habit {
  const isAvcHeader = (tag: WireTag) => tag.type === "video" && isHeader(tag);
  const header = other.find(isAvcHeader);
  return (tags) =>
    repeatParameterSets({ keepsHeader: true })(tags).map((tag) =>
      isAvcHeader(tag) && header !== undefined ? { ...tag, body: header.body } : tag
    );
}
