import { describe, expect, test } from "vitest";
import {
  audioBody,
  commandBytes,
  connectBytes,
  handshakeBytes,
  messageBytes,
  publishBytes,
  publishCommandBytes,
  RTMP_TYPE,
  videoBody,
} from "#test/helpers/rtmp-bytes.ts";
import { encodeAmf0 } from "../../formats/flv/amf0.ts";
import type { WireTag } from "../port.ts";
import { RtmpProtocolError } from "./messages.ts";
import { type PublishAttempt, RtmpConnection } from "./rtmp-connection.ts";

function open(options: { isAutoAccepted?: boolean } = {}) {
  const output: Uint8Array[] = [];
  const attempts: PublishAttempt[] = [];
  const tags: WireTag[] = [];
  let stops = 0;
  let plays = 0;
  const connection = new RtmpConnection({
    onOutput: (bytes) => output.push(bytes),
    onPublish: (attempt) => attempts.push(attempt),
    onTag: (tag) => tags.push(tag),
    onStop: () => (stops += 1),
    onPlay: () => (plays += 1),
  });
  const feed = (...pieces: Uint8Array[]) => {
    for (const bytes of pieces) connection.feed(Buffer.from(bytes));
  };
  if (options.isAutoAccepted === true) {
    feed(publishBytes("streaming", "sk_test"));
    connection.accept();
    connection.resume();
  }
  const outputText = () => Buffer.concat(output).toString("latin1");
  return {
    connection,
    feed,
    output,
    outputText,
    attempts,
    tags,
    stops: () => stops,
    plays: () => plays,
  };
}

const command = (payload: Uint8Array) => messageBytes({ type: RTMP_TYPE.command, payload });
const video = (timestampMs: number, payload: Uint8Array, more = {}) =>
  messageBytes({
    type: RTMP_TYPE.video,
    payload,
    timestampMs,
    chunkStream: 6,
    streamId: 1,
    ...more,
  });

describe("RtmpConnection, a publisher", () => {
  test("reports the publish and holds what follows until it is accepted", () => {
    const { connection, feed, attempts, tags, outputText } = open();
    feed(Buffer.concat([publishBytes("streaming", "sk_a"), video(0, videoBody(300))]));
    feed(video(40, videoBody(300, false)));
    expect(attempts).toEqual([
      { appPath: "streaming", streamName: "sk_a", encoder: "FMLE/3.0 (compatible; test)" },
    ]);
    expect(tags).toEqual([]);
    expect(outputText()).not.toContain("NetStream.Publish.Start");
    connection.accept();
    connection.resume();
    expect(outputText()).toContain("NetStream.Publish.Start");
    expect(tags.map((tag) => [tag.type, tag.timestampMs, tag.body.length])).toEqual([
      ["video", 0, 300],
      ["video", 40, 300],
    ]);
    expect(tags[0]?.body).toEqual(Buffer.from(videoBody(300)));
  });

  test("reads the same whatever pieces the bytes come in", () => {
    const bytes = Buffer.concat([
      publishBytes("streaming", "sk_a"),
      video(10, videoBody(1000)),
      messageBytes({
        type: RTMP_TYPE.audio,
        payload: audioBody(200),
        timestampMs: 12,
        chunkStream: 5,
      }),
      video(0x1000000, videoBody(700)),
      video(0x1000100, videoBody(515), { repeatsExtendedTimestamp: false }),
      video(0x1000200, videoBody(259), { repeatsExtendedTimestamp: false }),
      video(50, videoBody(20)),
    ]);
    for (const size of [1, 2, 3, 7, 100, 1537, bytes.length]) {
      const { connection, tags, attempts } = open();
      for (let offset = 0; offset < bytes.length; offset += size) {
        connection.feed(bytes.subarray(offset, offset + size));
        if (connection.phase === "authorising") {
          connection.accept();
          connection.resume();
        }
      }
      expect(attempts).toHaveLength(1);
      expect(tags.map((tag) => [tag.timestampMs, tag.body.length])).toEqual([
        [10, 1000],
        [12, 200],
        [0x1000000, 700],
        [0x1000100, 515],
        [0x1000200, 259],
        [50, 20],
      ]);
      expect(tags.every((tag) => tag.type === "audio" || tag.body.at(-1) === 0x41)).toBe(true);
    }
  });

  test("keeps interleaved messages apart, also across a change of the chunk size", () => {
    const { feed, tags } = open({ isAutoAccepted: true });
    const first = video(1, videoBody(300));
    feed(first.subarray(0, 12 + 100)); // inside the first chunk
    feed(first.subarray(12 + 100, 12 + 128));
    feed(messageBytes({ type: 1, payload: Buffer.from([0, 0, 1, 0]), chunkStream: 2 }));
    feed(
      messageBytes({
        type: RTMP_TYPE.audio,
        payload: audioBody(200),
        chunkStream: 5,
        chunkBytes: 256,
      }),
    );
    // What is left of the video, now in chunks of 256 bytes.
    feed(Buffer.concat([Buffer.of(0xc6), videoBody(300).subarray(128)]));
    expect(tags.map((tag) => [tag.type, tag.body.length])).toEqual([["audio", 200], [
      "video",
      300,
    ]]);
    expect(tags[1]?.body).toEqual(Buffer.from(videoBody(300)));
  });

  test("hands out bodies that nothing overwrites", () => {
    const { feed, tags } = open({ isAutoAccepted: true });
    feed(video(0, videoBody(400, true)), video(40, videoBody(400, false)));
    expect(tags.map((tag) => tag.body[0])).toEqual([0x17, 0x27]);
    expect(tags[0]?.body.buffer).not.toBe(tags[1]?.body.buffer);
  });

  test("stops on deleteStream, closeStream and FCUnpublish, but only once it is live", () => {
    for (const name of ["deleteStream", "closeStream", "FCUnpublish"]) {
      const before = open();
      before.feed(handshakeBytes(), connectBytes("streaming"), commandBytes(name, 0, null, 1));
      expect(before.stops()).toBe(0);
      const live = open({ isAutoAccepted: true });
      live.feed(commandBytes(name, 6, null, 1));
      expect(live.stops()).toBe(1);
    }
  });

  test("refuses with a status an encoder understands, and reads nothing more", () => {
    const { connection, feed, outputText, tags } = open();
    feed(publishBytes("streaming", "sk_wrong"));
    connection.refuse("NetStream.Publish.BadName", "Ключ is unknown.");
    feed(video(0, videoBody(50)), publishCommandBytes("sk_right"));
    expect(outputText()).toContain("NetStream.Publish.BadName");
    expect(Buffer.from(outputText(), "latin1").toString("utf8")).toContain("Ключ is unknown.");
    expect(outputText()).not.toContain("Publish.Start");
    expect(tags).toEqual([]);
  });

  test("refuses play in words", () => {
    const { feed, outputText, plays } = open();
    feed(handshakeBytes(), connectBytes("streaming"), commandBytes("createStream", 2, null));
    feed(commandBytes("play", 0, null, "sk_a"));
    expect(plays()).toBe(1);
    expect(outputText()).toContain("Playback is HLS only.");
  });

  test("acknowledges every 2.5 MB, when it may", () => {
    const { feed, output, connection } = open({ isAutoAccepted: true });
    feed(messageBytes({ type: 1, payload: Buffer.from([0, 1, 0, 0]), chunkStream: 2 }));
    const before = output.length;
    for (let i = 0; i < 52; i += 1) {
      feed(video(i, videoBody(100_000), { chunkBytes: 65536 }));
      if (i % 2 === 0) connection.acknowledge();
    }
    expect(output.slice(before).map((bytes) => bytes[7])).toEqual([3, 3]);
  });

  test("accepts an aborted message and goes on", () => {
    const { feed, tags } = open({ isAutoAccepted: true });
    feed(video(0, videoBody(300)).subarray(0, 12 + 128));
    feed(messageBytes({ type: 2, payload: Buffer.from([0, 0, 0, 6]), chunkStream: 2 }));
    feed(video(40, videoBody(60)));
    expect(tags.map((tag) => tag.body.length)).toEqual([60]);
  });
});

/** Each of these once ended the process of a server that ran the package as it is. */
const CRASHERS: Record<string, () => Uint8Array> = {
  "connect with a null command object": () => commandBytes("connect", 1, null),
  "connect without a command object": () => commandBytes("connect", 1),
  "connect without a transaction id": () => commandBytes("connect"),
  "connect with a bad tcUrl and no app": () => commandBytes("connect", 1, { tcUrl: "not a url" }),
  "connect with an empty tcUrl": () => commandBytes("connect", 1, { tcUrl: "" }),
  "connect with a number as command object": () => commandBytes("connect", 1, 42),
  "zero-length invoke": () => command(new Uint8Array()),
  "zero-length AMF3 invoke": () => messageBytes({ type: 17, payload: new Uint8Array() }),
  "AMF3 invoke of one byte": () => messageBytes({ type: 17, payload: Uint8Array.of(0) }),
  "zero-length video": () => messageBytes({ type: 9, payload: new Uint8Array() }),
  "zero-length audio": () => messageBytes({ type: 8, payload: new Uint8Array() }),
  "video of one byte": () => messageBytes({ type: 9, payload: Uint8Array.of(0x97) }),
  "zero-length SetChunkSize": () => messageBytes({ type: 1, payload: new Uint8Array() }),
  "SetChunkSize 0": () => messageBytes({ type: 1, payload: Buffer.alloc(4) }),
  "SetChunkSize 0xffffffff": () => messageBytes({ type: 1, payload: Buffer.alloc(4, 0xff) }),
  "short window size": () => messageBytes({ type: 5, payload: Uint8Array.of(1) }),
  "nameless publish": () => commandBytes("publish", 5, null),
  "publish with a number as name": () => commandBytes("publish", 5, null, 7),
  "nameless play": () => commandBytes("play", 5, null),
  "publish before connect": () => publishCommandBytes("sk_a"),
  "unknown AMF marker": () => command(Uint8Array.of(0x0d)),
  "AMF3 marker": () => command(Uint8Array.of(0x11, 1)),
  "truncated AMF string": () => command(Uint8Array.of(2, 0xff, 0xff, 0x41)),
  "truncated AMF number": () => command(Uint8Array.of(...encodeAmf0("connect"), 0, 1)),
  "truncated AMF long string": () => command(Uint8Array.of(0x0c, 0xff, 0xff, 0xff, 0xff)),
  "AMF array of 0xffffffff": () =>
    command(Uint8Array.of(...encodeAmf0("connect", 1), 0x0a, 0xff, 0xff, 0xff, 0xff)),
  "AMF array of undefined values": () =>
    command(Uint8Array.of(...encodeAmf0("x", 1), 0x0a, 0, 0, 0x10, 0, ...new Array(4096).fill(6))),
  "nested AMF arrays": () => {
    const nesting = new Array(1000).fill([0x0a, 0, 0, 0, 1]).flat();
    return command(Uint8Array.of(...encodeAmf0("connect", 1), ...nesting));
  },
  "nested AMF objects": () => {
    const nesting = new Array(1000).fill([3, 0, 1, 0x61]).flat();
    return command(Uint8Array.of(...encodeAmf0("connect", 1), ...nesting));
  },
  "a command whose name is an object": () => command(encodeAmf0({ a: 1 }, 1)),
  "a command named __proto__": () => commandBytes("__proto__", 1, { __proto__: null }),
  "message of 16 MB": () =>
    messageBytes({ type: 9, payload: new Uint8Array(10), claimedLength: 0xffffff }),
  "chunk stream id of 3 bytes, and no more": () => Uint8Array.of(0x01, 0, 0, 0, 0, 0),
  "continuation of nothing": () => Uint8Array.of(0xc7, 1, 2, 3),
  "seventeen chunk streams": () =>
    Buffer.concat(
      Array.from({ length: 17 }, (_, i) =>
        messageBytes({ type: 18, payload: Uint8Array.of(1, 0), chunkStream: 10 + i })),
    ),
  "a hundred createStreams": () =>
    Buffer.concat([
      connectBytes("streaming"),
      ...Array.from({ length: 100 }, () => commandBytes("createStream", 4, null)),
    ]),
};

describe("RtmpConnection, known crashers", () => {
  for (const [name, bytes] of Object.entries(CRASHERS)) {
    test(`${name} ends at most its own connection`, () => {
      for (const isLive of [false, true]) {
        const { feed, tags } = open({ isAutoAccepted: isLive });
        try {
          if (!isLive) feed(handshakeBytes());
          feed(bytes());
        } catch (error) {
          expect(error).toBeInstanceOf(RtmpProtocolError);
        }
        expect(tags.every((tag) => tag.body.length > 0)).toBe(true);
      }
    });
  }

  test("connect with a bad tcUrl but an app goes on", () => {
    const { feed, attempts } = open();
    feed(
      handshakeBytes(),
      commandBytes("connect", 1, { app: "streaming", tcUrl: "::not a url::" }),
    );
    feed(commandBytes("createStream", 2, null), publishCommandBytes("sk_a"));
    expect(attempts).toHaveLength(1);
  });

  test("refuses a handshake of another version, such as TLS or HTTP", () => {
    for (const first of [0x16, 0x47, 6, 0]) {
      expect(() => open().feed(Uint8Array.of(first, 1, 2))).toThrow(/RTMP version/);
    }
  });

  test("drops a connection that talks on and on before publish", () => {
    const { feed } = open();
    feed(handshakeBytes());
    const chatter = messageBytes({ type: 18, payload: new Uint8Array(30_000) });
    feed(chatter, chatter);
    expect(() => feed(chatter)).toThrow(/before publish/);
  });

  test("drops a connection with more than 64 commands", () => {
    const { feed } = open();
    feed(handshakeBytes(), connectBytes("streaming"));
    const noise = Buffer.concat(Array.from({ length: 64 }, () => commandBytes("x", 0)));
    expect(() => feed(noise)).toThrow(/too many commands/);
  });

  test("drops a live publisher whose incomplete messages add up", () => {
    const { feed } = open({ isAutoAccepted: true });
    const claim = (chunkStream: number) =>
      messageBytes({
        type: 9,
        payload: new Uint8Array(128),
        claimedLength: 8_000_000,
        chunkStream,
      });
    feed(claim(20));
    expect(() => feed(claim(21))).toThrow(/incomplete/);
  });
});
