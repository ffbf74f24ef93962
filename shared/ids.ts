/**
 * Identifiers: UUIDv7 for rows (they sort by time) and short unguessable names for URLs and secrets.
 * @see RFC 9562 section 5.7
 */

const LOWER_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyz0123456789";

const MAX_COUNT = 0xfff;
let last = { ms: -1, count: 0 };

/**
 * A new UUIDv7: 48 bits of Unix milliseconds, a counter of 12 bits, 62 random bits. Those of one
 * process and millisecond sort in the order they were made, as lists and queues expect.
 */
export function newId(nowMs: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  last = next(nowMs, view.getUint16(6));
  view.setUint16(0, Math.floor(last.ms / 2 ** 32));
  view.setUint32(2, last.ms % 2 ** 32);
  view.setUint16(6, 0x7000 | last.count);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join("-");
}

// RFC 9562 section 6.2, method 1: the counter starts at random in its lower half, and runs into the
// next millisecond when it is used up.
function next(nowMs: number, random: number): { ms: number; count: number } {
  const isAhead = last.ms === nowMs || last.ms === nowMs + 1;
  if (!isAhead) return { ms: nowMs, count: random & 0x7ff };
  if (last.count < MAX_COUNT) return { ms: last.ms, count: last.count + 1 };
  return { ms: last.ms + 1, count: 0 };
}

/** A random string of `length` lower-case letters and digits, uniformly distributed. */
export function randomName(length: number): string {
  let name = "";
  while (name.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      // 252 = 7 × 36: higher bytes would make the first letters more likely.
      if (byte < 252 && name.length < length) name += LOWER_ALPHANUMERIC[byte % 36];
    }
  }
  return name;
}

/** A new video `url`: 12 lower-case letters and digits, 62 bits. */
export function newVideoUrl(): string {
  return randomName(12);
}

/** A new stream key: `sk_` and 32 lower-case letters and digits, 165 bits. */
export function newStreamKey(): string {
  return `sk_${randomName(32)}`;
}
