/**
 * Habits of clocks: what a timestamp says, and when its tag is sent.
 */
import {
  createRandom,
  type Habit,
  inSendingOrder,
  isFrameOf,
  mapFrames,
  type WireTag,
} from "./wire-tag.ts";

const WRAP_MS = 2 ** 32;

/** Stamps up to `ms` too early or too late, tag by tag. */
export function jitter(track: "audio" | "video", ms: number, seed = 1): Habit {
  const random = createRandom(seed);
  return mapFrames(track, (tag) => {
    const stampMs = tag.stampMs + Math.round((random() * 2 - 1) * ms);
    return { ...tag, stampMs: Math.max(0, stampMs) };
  });
}

/** Both clocks are set forward (or back) while the tags come as ever. */
export function setClocks(atMs: number, byMs: number): Habit {
  return (tags) =>
    tags.map((tag) => tag.stampMs < atMs ? tag : { ...tag, stampMs: tag.stampMs + byMs });
}

/** All stamps later, whatever their tags. */
export function startClocksAt(ms: number): Habit {
  return (tags) => tags.map((tag) => ({ ...tag, stampMs: tag.stampMs + ms }));
}

/** Stamps that run over 2^32 after so many ms. */
export function wrapAfter(ms: number): Habit {
  return startClocksAt(WRAP_MS - ms);
}

/** A track whose frames are held back and sent together, every so often. */
export function sendInBursts(track: "audio" | "video", everyMs: number): Habit {
  return (tags) =>
    inSendingOrder(
      tags.map((tag) =>
        isFrameOf(track, tag) ? { ...tag, sentMs: Math.ceil(tag.sentMs / everyMs) * everyMs } : tag
      ),
    );
}

/** Every so many frames of video one is stamped hours off: into the past, then into the future. */
export function strayStamps(
  everyFrames: number,
  [pastMs, futureMs]: readonly [number, number],
): Habit {
  return mapFrames("video", (tag, index) => {
    if (index % everyFrames !== everyFrames - 1) return tag;
    const isPast = Math.floor(index / everyFrames) % 2 === 0;
    return { ...tag, stampMs: tag.stampMs + (isPast ? -pastMs : futureMs) };
  });
}

/** From `atMs` on these tracks are stamped with much the same time, a little more or less. */
export function stopClocks(
  tracks: readonly WireTag["type"][],
  { atMs, aboutMs }: { readonly atMs: number; readonly aboutMs: number },
): Habit {
  const random = createRandom(1);
  return (tags) =>
    tags.map((tag) => {
      if (tag.stampMs < atMs || !tracks.includes(tag.type)) return tag;
      return { ...tag, stampMs: atMs + Math.round((random() * 2 - 1) * aboutMs) };
    });
}

/** A track that is sent later than the other one, though stamped as ever. */
export function sendLate(track: "audio" | "video", lagMs: (stampMs: number) => number): Habit {
  return (tags) =>
    inSendingOrder(
      tags.map((tag) =>
        tag.type === track ? { ...tag, sentMs: tag.sentMs + lagMs(tag.stampMs) } : tag
      ),
    );
}

const COMPOSITION_AT = 2;
const COMPOSITION_BYTES = 3;

function compositionOf({ body }: WireTag): number {
  return Buffer.from(body).readIntBE(COMPOSITION_AT, COMPOSITION_BYTES);
}

function withComposition(tag: WireTag, ms: number): WireTag {
  const body = Buffer.from(tag.body);
  body.writeIntBE(ms, COMPOSITION_AT, COMPOSITION_BYTES);
  return { ...tag, body: Uint8Array.from(body) };
}

/** Video is stamped with when it is shown, and no word of a composition time. */
export function stampAsShown(): Habit {
  return mapFrames("video", (tag) => {
    const stampMs = tag.stampMs + compositionOf(tag);
    return withComposition({ ...tag, stampMs }, 0);
  });
}

/** Video is decoded later than it need be: some of it after it is shown. */
export function decodeLater(ms: number): Habit {
  return mapFrames("video", (tag) => {
    const compositionMs = compositionOf(tag) - ms;
    return withComposition({ ...tag, stampMs: tag.stampMs + ms }, compositionMs);
  });
}
