import { describe, expect, test } from "vitest";
import { basicHeaderBytes, messageBytes } from "#test/helpers/rtmp-bytes.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { maxMessageBytes, type RtmpMessage, RtmpProtocolError } from "./messages.ts";

/** A reader that keeps what fits the caps, and what it made of its bytes. */
function open(chunkBytes = 128) {
  const messages: RtmpMessage[] = [];
  const skipped: number[] = [];
  let broken = 0;
  const reader = new ChunkReader({
    isReading: () => true,
    planMessage: (type, length) => {
      if (length <= (maxMessageBytes(type) ?? -1)) return "keep";
      skipped.push(length);
      return "skip";
    },
    onMessage: (message) => messages.push(message),
    onBrokenMessage: () => (broken += 1),
    onUnread: () => {},
  });
  reader.chunkBytes = chunkBytes;
  const read = (...pieces: Uint8Array[]) => reader.read(Buffer.concat(pieces));
  const seen = () => messages.map(({ timestampMs, payload }) => [timestampMs, payload.length]);
  return { reader, read, messages, skipped, seen, broken: () => broken };
}

/** Bytes that say where they are, so that a lost or doubled one shows. */
const counted = (length: number) => Buffer.from(Array.from({ length }, (_, at) => (at * 7) & 0xff));
const video = (timestampMs: number, payload: Uint8Array, more = {}) =>
  messageBytes({ type: 9, payload, timestampMs, chunkStream: 6, streamId: 1, ...more });

describe("ChunkReader", () => {
  test.each([1, 2, 3, 4, 5, 32, 127, 4096, 0xffffff])(
    "reads the same in chunks of %d bytes, whatever pieces they come in",
    (chunkBytes) => {
      const bytes = Buffer.concat([
        video(10, counted(1000), { chunkBytes }),
        video(0x1000000, counted(300), { chunkBytes }),
        video(0x1000100, counted(301), { chunkBytes, repeatsExtendedTimestamp: false }),
        video(50, counted(40_000), { chunkBytes }),
        video(60, counted(1), { chunkBytes }),
      ]);
      for (const pieceBytes of [1, 3, 1000, bytes.length]) {
        const { read, messages, seen } = open(chunkBytes);
        for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
          read(bytes.subarray(offset, offset + pieceBytes));
        }
        expect(seen()).toEqual([
          [10, 1000],
          [0x1000000, 300],
          [0x1000100, 301],
          [50, 40_000],
          [60, 1],
        ]);
        for (const { payload } of messages) {
          expect(payload.equals(counted(payload.length))).toBe(true);
        }
      }
    },
  );

  test("reads chunk stream ids of one, two and three bytes, and keeps them apart", () => {
    const { read, seen } = open();
    const ids = [3, 63, 64, 319, 320, 1064, 65_599];
    const parts = ids.map((chunkStream, at) => video(at, counted(200 + at), { chunkStream }));
    const headerBytes = (at: number) => basicHeaderBytes(0, ids[at] ?? 0).length + 11;
    read(...parts.map((bytes, at) => bytes.subarray(0, headerBytes(at) + 128)));
    read(...parts.map((bytes, at) => bytes.subarray(headerBytes(at) + 128)));
    expect(seen()).toEqual(ids.map((_id, at) => [at, 200 + at]));
  });

  test("begins a chunk stream with a delta, but not without a length", () => {
    const { read, seen } = open();
    const delta = Buffer.of(0x46, 0, 0, 40, 0, 0, 3, 9, 1, 2, 3);
    read(delta, delta);
    expect(seen()).toEqual([[40, 3], [80, 3]]);
    for (const format of [2, 3]) {
      expect(() => open().read(basicHeaderBytes(format, 7), Buffer.alloc(16))).toThrow(
        RtmpProtocolError,
      );
    }
  });

  test("drops a message that is left in its middle, and reads the next one", () => {
    const { read, seen, messages, broken } = open();
    read(video(0, counted(500)).subarray(0, 12 + 128), video(40, counted(500)));
    read(video(80, counted(500)).subarray(0, 12 + 128), video(80, counted(300)));
    expect(seen()).toEqual([[40, 500], [80, 300]]);
    expect(messages.every(({ payload }) => payload.equals(counted(payload.length)))).toBe(true);
    expect(broken()).toBe(2);
  });

  test("goes on with a message whose header is said again before its next chunk", () => {
    const { read, seen, messages, broken } = open();
    const whole = video(40, counted(200));
    const [header, first] = [whole.subarray(0, 12), whole.subarray(12, 12 + 128)];
    const rest = counted(200).subarray(128);
    const again = Buffer.of(0x46, 0, 0, 0, 0, 0, 200, 9);
    read(header, first, header, rest, header, first, again, rest);
    expect(seen()).toEqual([[40, 200], [40, 200]]);
    expect(messages.every(({ payload }) => payload.equals(counted(200)))).toBe(true);
    expect(broken()).toBe(0);
  });

  test("reads past what is not to be kept without holding it", () => {
    const { read, reader, seen, skipped } = open();
    const chunk = Buffer.alloc(128);
    read(messageBytes({ type: 18, payload: chunk, claimedLength: 0xffffff, chunkStream: 4 }));
    const before = process.memoryUsage().arrayBuffers;
    for (let left = 0xffffff - 128; left > 0; left -= 128) {
      read(basicHeaderBytes(3, 4), chunk.subarray(0, Math.min(left, 128)));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    read(video(7, counted(20)));
    expect([seen(), skipped, reader.receivedMessages]).toEqual([[[7, 20]], [0xffffff], 2]);
  });

  test("refuses a seventeenth chunk stream", () => {
    const { read } = open();
    const stream = (chunkStream: number) => video(0, counted(1), { chunkStream });
    for (let id = 100; id < 116; id += 1) read(stream(id));
    expect(() => read(stream(116))).toThrow(/too many chunk streams/);
  });
});
