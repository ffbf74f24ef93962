/**
 * Habits of AAC: ADTS headers left on, several frames in a tag.
 * @see ISO/IEC 13818-7 6.2
 */
import {
  contentOf,
  type Habit,
  inSendingOrder,
  isFrameOf,
  isHeader,
  type WireTag,
  withContent,
} from "./wire-tag.ts";

const ADTS_BYTES = 7;

/** `frame` behind an ADTS header: AAC-LC of two channels at 48 kHz. */
export function withAdts(frame: Uint8Array): Uint8Array {
  const bytes = frame.length + ADTS_BYTES;
  const [profile, rate, channels] = [1, 3, 2];
  return Buffer.concat([
    Uint8Array.of(
      0xff,
      0xf1,
      (profile << 6) | (rate << 2) | (channels >> 2),
      ((channels & 3) << 6) | (bytes >> 11),
      (bytes >> 3) & 0xff,
      ((bytes & 7) << 5) | 0x1f,
      0xfc,
    ),
    frame,
  ]);
}

/** ADTS headers left on the frames, so many frames to a tag. */
export function leaveAdts(framesPerTag = 1): Habit {
  return (tags) => {
    let open: WireTag[] = [];
    return tags.flatMap((tag) => {
      if (!isFrameOf("audio", tag)) return [tag];
      open.push(tag);
      if (open.length < framesPerTag) return [];
      const [first = tag] = open;
      const content = Buffer.concat(open.map((one) => withAdts(contentOf(one))));
      open = [];
      return [{ ...withContent(first, content), sentMs: tag.sentMs }];
    });
  };
}

/** What is heard after `atMs` is another source's, behind a header of its own. */
export function changeSound(other: readonly WireTag[], atMs: number): Habit {
  return (tags) => {
    const isLater = ({ stampMs }: WireTag) => stampMs >= atMs;
    const sound = other.filter((tag) => isFrameOf("audio", tag) && isLater(tag));
    const header = other.find((tag) => tag.type === "audio" && isHeader(tag));
    const { sentMs = 0, stampMs = 0 } = sound[0] ?? {};
    const change = header === undefined ? [] : [{ ...header, sentMs, stampMs }];
    const kept = tags.filter((tag) => tag.type !== "audio" || !isLater(tag));
    return inSendingOrder([...kept, ...change, ...sound]);
  };
}
