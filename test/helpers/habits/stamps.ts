/**
 * Habits of clocks: what a timestamp says, and when its tag is sent.
 */
import { createRandom, type Habit, inSendingOrder, isFrameOf, mapFrames } from "./wire-tag.ts";

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
