/**
 * What a publisher puts on the wire, tag by tag, as values that a habit changes: read from an FLV file
 * by a reader of the tests' own, which believes nothing but the lengths.
 * @see Adobe Flash Video File Format Specification 10.1, annex E
 */

export type WireTag = {
  /** A number is an RTMP message type of its own. */
  readonly type: "audio" | "video" | "script" | number;
  /** When it is sent, in ms since the first one. */
  readonly sentMs: number;
  /** What its timestamp says, before it is cut to 32 bits. */
  readonly stampMs: number;
  readonly body: Uint8Array;
};

/** What an encoder with a habit makes of a good encoder's tags. */
export type Habit = (tags: readonly WireTag[]) => readonly WireTag[];

const TYPES: Readonly<Record<number, WireTag["type"]>> = { 8: "audio", 9: "video", 18: "script" };
const FILE_HEADER_BYTES = 9 + 4;
const TAG_HEADER_BYTES = 11;
/** `@setDataFrame` as an AMF0 string: what publishers put before `onMetaData`. */
const SET_DATA_FRAME = Buffer.from("\x02\x00\x0d@setDataFrame", "latin1");

/** The tags of a whole FLV file as a publisher sends them, in the order of the file. */
export function readWireTags(flv: Uint8Array): WireTag[] {
  const view = new DataView(flv.buffer, flv.byteOffset, flv.byteLength);
  const tags: WireTag[] = [];
  for (let at = FILE_HEADER_BYTES; at + TAG_HEADER_BYTES <= flv.length;) {
    const bytes = view.getUint32(at) & 0xffffff;
    const stampMs = (view.getUint32(at + 4) >>> 8) + view.getUint8(at + 7) * 2 ** 24;
    const content = flv.slice(at + TAG_HEADER_BYTES, at + TAG_HEADER_BYTES + bytes);
    const type = TYPES[view.getUint8(at)] ?? view.getUint8(at);
    const body = type === "script" ? Buffer.concat([SET_DATA_FRAME, content]) : content;
    // ffmpeg ends its video with an end of sequence, which live encoders do not send.
    if (type !== "video" || content[1] !== 2) tags.push({ type, sentMs: stampMs, stampMs, body });
    at += TAG_HEADER_BYTES + bytes + 4;
  }
  return tags;
}

/** Whether a tag is an AVC or AAC sequence header. */
export function isHeader({ type, body }: WireTag): boolean {
  return (type === "audio" || type === "video") && body[1] === 0;
}

/** Whether a tag is media of this track. */
export function isFrameOf(type: "audio" | "video", tag: WireTag): boolean {
  return tag.type === type && !isHeader(tag);
}

/** Whether a good encoder's tag is a keyframe. */
export function isKeyframe(tag: WireTag): boolean {
  return isFrameOf("video", tag) && (tag.body[0] ?? 0) >> 4 === 1;
}

/** A tag's media without what FLV puts before it. */
export function contentOf(tag: WireTag): Uint8Array {
  return tag.body.subarray(tag.type === "video" ? 5 : 2);
}

/** `tag` with other media behind the same FLV bytes. */
export function withContent(tag: WireTag, content: Uint8Array): WireTag {
  const head = tag.body.subarray(0, tag.type === "video" ? 5 : 2);
  return { ...tag, body: Buffer.concat([head, content]) };
}

/** Changes the media of one track, headers aside. */
export function mapFrames(
  type: "audio" | "video",
  change: (tag: WireTag, index: number) => WireTag | readonly WireTag[],
): Habit {
  return (tags) => {
    let index = 0;
    return tags.flatMap((tag) => (isFrameOf(type, tag) ? change(tag, index++) : tag));
  };
}

/** In the order they are sent. */
export function inSendingOrder(tags: readonly WireTag[]): WireTag[] {
  return tags.toSorted((a, b) => a.sentMs - b.sentMs);
}

/** One habit after the other. */
export function chain(...habits: readonly Habit[]): Habit {
  return (tags) => habits.reduce((changed, habit) => habit(changed), tags);
}

/** The same numbers from 0 to 1 for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
