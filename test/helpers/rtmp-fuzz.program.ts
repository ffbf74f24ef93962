/**
 * Feeds mutated RTMP sessions to the parser and prints what became of them, as JSON on stdout. A
 * process of its own, because the memory it measures is a process's.
 */
import { encodeAmf0 } from "#media-node/formats/flv/amf0.ts";
import { RtmpProtocolError } from "#media-node/ingest/rtmp/messages.ts";
import { RtmpConnection } from "#media-node/ingest/rtmp/rtmp-connection.ts";
import {
  audioBody,
  commandBytes,
  messageBytes,
  publishBytes,
  RTMP_TYPE,
  videoBody,
} from "./rtmp-bytes.ts";

const SESSIONS = 10_000;
const HANDSHAKE_BYTES = 1 + 2 * 1536;

/** One audio tag. */
const AGGREGATE = Uint8Array.of(8, 0, 0, 4, 0, 0, 9, 0, 0, 0, 0, 0xaf, 1, 0x21, 0x21, 0, 0, 0, 15);
/** An object of a class, an array with a name, a reference to its string. */
const AMF3_COMMAND = Uint8Array.of(
  ...[0, ...encodeAmf0("FCPublish", 9), 0x11, 10, 0x13, 3, 0x43, 3, 0x61, 4, 9],
  ...[0x11, 9, 5, 3, 0x62, 6, 0, 1, 4, 0x81, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8],
);

/** A whole publish: commands, metadata, audio and video in several chunks, oddities, the goodbye. */
const SESSION = Buffer.concat([
  publishBytes("streaming", "sk_fuzz"),
  messageBytes({
    type: RTMP_TYPE.data,
    payload: encodeAmf0("@setDataFrame", "onMetaData", { width: 320, encoder: "fuzz" }),
    streamId: 1,
  }),
  messageBytes({
    type: RTMP_TYPE.setChunkSize,
    payload: Uint8Array.of(0, 0, 1, 0),
    chunkStream: 2,
  }),
  ...Array.from({ length: 4 }, (_, i) =>
    Buffer.concat([
      messageBytes({
        type: RTMP_TYPE.video,
        payload: videoBody(600),
        timestampMs: i * 40,
        chunkStream: 6,
        chunkBytes: 256,
      }),
      messageBytes({
        type: RTMP_TYPE.audio,
        payload: audioBody(90),
        timestampMs: 0x1000000 + i,
        chunkStream: 5,
        chunkBytes: 256,
      }),
    ])),
  messageBytes({ type: 22, payload: AGGREGATE, chunkStream: 1064, chunkBytes: 256 }),
  messageBytes({ type: 19, payload: new Uint8Array(400), chunkStream: 100, chunkBytes: 256 }),
  messageBytes({ type: 17, payload: AMF3_COMMAND, chunkBytes: 256 }),
  commandBytes("FCUnpublish", 6, null, "sk_fuzz"),
  commandBytes("deleteStream", 7, null, 1),
]);

function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** One to eight changes: bits, bytes, lengths, cuts, insertions, repetitions. */
function mutate(source: Buffer, random: (below: number) => number): Buffer {
  let bytes: Buffer = Buffer.from(source);
  // Mostly behind the handshake, where there is something to break.
  const at = () =>
    random(10) === 0
      ? random(bytes.length)
      : HANDSHAKE_BYTES + random(bytes.length - HANDSHAKE_BYTES);
  for (
    let changes = 1 + random(8);
    changes > 0 && bytes.length > HANDSHAKE_BYTES + 8;
    changes -= 1
  ) {
    const place = Math.min(at(), bytes.length - 5);
    switch (random(6)) {
      case 0:
        bytes[place] = (bytes[place] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        bytes[place] = random(256);
        break;
      case 2:
        bytes.writeUInt32BE([0, 0xffffffff, 0x7fffffff, 0x00ffffff][random(4)] ?? 0, place);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1 + random(64))]);
        break;
      case 4: {
        const noise = Buffer.from(Array.from({ length: 1 + random(32) }, () => random(256)));
        bytes = Buffer.concat([bytes.subarray(0, place), noise, bytes.subarray(place)]);
        break;
      }
      default: {
        const copy = bytes.subarray(place, place + random(300));
        bytes = Buffer.concat([bytes.subarray(0, place), copy, bytes.subarray(place)]);
      }
    }
  }
  return bytes;
}

type Outcome = { readonly isRefused: boolean; readonly tags: number };

function runSession(bytes: Buffer, random: (below: number) => number): Outcome {
  let tags = 0;
  const connection = new RtmpConnection({
    onOutput: () => {},
    onPublish: () => {},
    onTag: () => (tags += 1),
    onStop: () => connection.close(),
    onPlay: () => {},
  });
  try {
    const piece = 1 + random(2000);
    for (let offset = 0; offset < bytes.length; offset += piece) {
      connection.feed(bytes.subarray(offset, offset + piece));
      if (connection.phase === "authorising") {
        connection.accept();
        connection.resume();
      }
    }
  } catch (error) {
    // Anything else is a bug that happens to be caught.
    if (!(error instanceof RtmpProtocolError)) throw error;
    return { isRefused: true, tags };
  }
  return { isRefused: false, tags };
}

function runMany(count: number, random: (below: number) => number) {
  let refused = 0;
  let tags = 0;
  for (let i = 0; i < count; i += 1) {
    const outcome = runSession(mutate(SESSION, random), random);
    if (outcome.isRefused) refused += 1;
    tags += outcome.tags;
  }
  return { refused, tags };
}

const random = createRandom(20_261_122);
runMany(1000, random); // what the runtime itself needs
const before = process.memoryUsage().rss;
const { refused, tags } = runMany(SESSIONS, random);
const growthBytes = process.memoryUsage().rss - before;
const unharmed = runSession(SESSION, random);
process.stdout.write(JSON.stringify({ sessions: SESSIONS, refused, tags, growthBytes, unharmed }));
