/**
 * Habits of the wire: tags without a body, and messages that nobody knows.
 */
import { type Habit, inSendingOrder, type WireTag } from "./wire-tag.ts";

const EVERY_MS = 500;

function addStrays(make: (sentMs: number) => readonly WireTag[]): Habit {
  return (tags) => {
    const lastMs = tags.at(-1)?.sentMs ?? 0;
    const times = Array.from(
      { length: Math.floor(lastMs / EVERY_MS) },
      (_, index) => index * EVERY_MS,
    );
    return inSendingOrder([...tags, ...times.flatMap((sentMs) => make(sentMs))]);
  };
}

/** Audio and video of no bytes at all. */
export function addEmptyTags(): Habit {
  const body = new Uint8Array();
  return addStrays((ms) =>
    (["audio", "video"] as const).map((type) => ({ type, sentMs: ms, stampMs: ms, body }))
  );
}

/** Messages of AMF 3 and of a type that does not exist, and AVC packets of a type that does not. */
export function addUnknownTags(): Habit {
  const body = Uint8Array.of(0, 2, 0, 1, 0x78);
  const packet = Uint8Array.of(0x17, 9, 0, 0, 0, 1, 2, 3, 4);
  return addStrays((ms) => [
    ...[15, 16, 99].map((type) => ({ type, sentMs: ms, stampMs: ms, body })),
    { type: "video", sentMs: ms, stampMs: ms, body: packet },
  ]);
}
