import { describe, expect, test } from "vitest";
import {
  audioBody,
  chunkSizeBytes,
  commandBytes,
  connectBytes,
  handshakeBytes,
  messageBytes,
  publishBytes,
  RTMP_TYPE,
  videoBody,
} from "#test/helpers/rtmp-bytes.ts";
import { encodeAmf0 } from "../../formats/flv/amf0.ts";
import type { WireTag } from "../port.ts";
import { type PublishAttempt, RtmpConnection } from "./rtmp-connection.ts";

/** A conversation, live or with nothing said yet. */
function open(isLive = true) {
  const output: Uint8Array[] = [];
  const attempts: PublishAttempt[] = [];
  const tags: WireTag[] = [];
  const ignored: string[] = [];
  let stops = 0;
  const connection = new RtmpConnection({
    onOutput: (bytes) => output.push(bytes),
    onPublish: (attempt) => attempts.push(attempt),
    onTag: (tag) => tags.push(tag),
    onStop: () => (stops += 1),
    onPlay: () => {},
    onIgnored: (what) => ignored.push(what),
  });
  const feed = (...pieces: Uint8Array[]) => connection.feed(Buffer.concat(pieces));
  if (isLive) {
    feed(publishBytes("streaming", "sk_test"));
    connection.accept();
    connection.resume();
  }
  const outputText = () => Buffer.concat(output).toString("latin1");
  const seen = () => tags.map(({ type, timestampMs, body }) => [type, timestampMs, body.length]);
  return {
    connection,
    feed,
    output,
    outputText,
    attempts,
    seen,
    tags,
    ignored,
    stops: () => stops,
  };
}

const message = (type: number, payload: Uint8Array, more = {}) =>
  messageBytes({ type, payload, streamId: 1, chunkStream: 8, ...more });
const video = (timestampMs: number, size: number, more = {}) =>
  message(RTMP_TYPE.video, videoBody(size), { timestampMs, chunkStream: 6, ...more });

describe("RtmpConnection, chunk sizes", () => {
  test.each([1, 32, 128, 0x10000, 0xffffff, 0x1000000, 0x7fffffff])(
    "takes chunks of %d bytes, also in the middle of a broadcast",
    (size) => {
      const { feed, seen } = open();
      feed(video(0, 300), chunkSizeBytes(size), video(40, 3000, { chunkBytes: size }));
      expect(seen()).toEqual([["video", 0, 300], ["video", 40, 3000]]);
    },
  );

  test("takes a message of 3 MB in one chunk", () => {
    const { feed, seen } = open();
    feed(chunkSizeBytes(0x7fffffff), video(0, 3_000_000, { chunkBytes: 0x7fffffff }));
    feed(video(40, 20));
    expect(seen()).toEqual([["video", 0, 3_000_000], ["video", 40, 20]]);
  });

  test.each([0, 0x80000000, 0xffffffff])("refuses %d in words", (size) => {
    expect(() => open().feed(chunkSizeBytes(size))).toThrow(
      `chunk size of ${size} bytes: 1 to 0x7fffffff is allowed`,
    );
  });
});

describe("RtmpConnection, commands of a live publisher", () => {
  const chatter = (count: number) =>
    Buffer.concat(
      Array.from({ length: count }, (_, at) => commandBytes("FCPublish", at, null, "x")),
    );

  test("80 pass, a flood does not", () => {
    const { feed, seen } = open();
    feed(chatter(80), video(40, 100));
    expect(seen()).toEqual([["video", 40, 100]]);
    expect(() => feed(chatter(80))).toThrow(/too many commands/);
  });

  test("none of them ends the broadcast, whatever it says", () => {
    const { feed, seen, ignored, outputText } = open();
    feed(
      connectBytes("streaming"),
      commandBytes("publish", 5, null, "sk_other", "live"),
      commandBytes("play", 6, null, "sk_other"),
      commandBytes("createStream", 7, null),
      message(RTMP_TYPE.command, Uint8Array.of(0x0e, 1, 2)),
      message(RTMP_TYPE.command, encodeAmf0("note", 0, "x".repeat(9000))),
      video(40, 100),
    );
    expect(seen()).toEqual([["video", 40, 100]]);
    expect(ignored).toEqual(["a second connect", "a command without a name", "command, too long"]);
    expect(outputText()).toContain("NetStream.Publish.BadName");
    expect(outputText()).toContain("NetStream.Play.Failed");
  });

  test("deleteStream of another stream than the published one is not the end", () => {
    const { feed, stops } = open();
    feed(commandBytes("createStream", 7, null), commandBytes("deleteStream", 8, null, 2));
    expect(stops()).toBe(0);
    feed(commandBytes("deleteStream", 8, null, 1));
    expect(stops()).toBe(1);
  });

  test("a ping is answered", () => {
    const { feed, output } = open();
    feed(messageBytes({ type: 4, payload: Uint8Array.of(0, 6, 1, 2, 3, 4), chunkStream: 2 }));
    expect([...(output.at(-1) ?? [])].slice(12)).toEqual([0, 7, 1, 2, 3, 4]);
  });
});

describe("RtmpConnection, messages it does not carry", () => {
  test("data that is too long is read past, and the broadcast goes on", () => {
    const { feed, seen, ignored } = open();
    const data = encodeAmf0("onCuePoint", { text: "x".repeat(60_000), more: "y".repeat(10_000) });
    feed(message(RTMP_TYPE.data, data), message(RTMP_TYPE.data, data), video(40, 100));
    expect(seen()).toEqual([["video", 40, 100]]);
    expect(ignored).toEqual(["data, too long"]);
  });

  test("each kind is said once, by its name", () => {
    const { feed, seen, ignored } = open();
    const others = [16, 19, 0, 7, 10, 99, 255].map((type) => message(type, new Uint8Array(300)));
    feed(...others, ...others, video(40, 100));
    expect(seen()).toEqual([["video", 40, 100]]);
    const types = [0, 7, 10, 99, 255].map((type) => `type ${type}`);
    expect(ignored).toEqual(["shared object (AMF3)", "shared object", ...types]);
  });

  test("a message that is left in its middle costs that message", () => {
    const { feed, seen, ignored } = open();
    feed(video(0, 300).subarray(0, 12 + 128), video(40, 200));
    expect([seen(), ignored]).toEqual([[["video", 40, 200]], ["a message without its end"]]);
  });
});

describe("RtmpConnection, aggregate messages", () => {
  const tag = (type: number, timestampMs: number, body: Uint8Array) => {
    const header = Buffer.alloc(11);
    header[0] = type;
    header.writeUIntBE(body.length, 1, 3);
    header.writeUIntBE(timestampMs & 0xffffff, 4, 3);
    header[7] = timestampMs >>> 24;
    const back = Buffer.alloc(4);
    back.writeUInt32BE(11 + body.length);
    return Buffer.concat([header, body, back]);
  };

  test("are the tags inside, at the distances they have from the first", () => {
    const { feed, seen, ignored } = open();
    const tags = [
      tag(RTMP_TYPE.video, 0x1000000, videoBody(500)),
      tag(RTMP_TYPE.audio, 0x1000010, audioBody(90)),
      tag(19, 0x1000010, new Uint8Array(5)),
      tag(RTMP_TYPE.data, 0x1000028, encodeAmf0("onTextData", 1)),
    ];
    feed(message(22, Buffer.concat(tags), { timestampMs: 1000 }), video(1080, 20));
    expect(seen()).toEqual([
      ["video", 1000, 500],
      ["audio", 1016, 90],
      ["script", 1040, 22],
      ["video", 1080, 20],
    ]);
    expect(ignored).toEqual(["shared object, within an aggregate"]);
  });

  test("that are cut off give what is whole", () => {
    const { feed, seen, ignored } = open();
    const tags = [tag(RTMP_TYPE.audio, 0, audioBody(90)), tag(RTMP_TYPE.video, 0, videoBody(500))];
    feed(message(22, Buffer.concat(tags).subarray(0, 400)), message(22, Uint8Array.of(9, 0)));
    expect([seen(), ignored]).toEqual([[["audio", 0, 90]], ["aggregate, cut off"]]);
  });

  test("hold at most 1000 messages: what has more is not even begun", () => {
    const tags = (count: number) =>
      Buffer.concat(new Array(count).fill(tag(RTMP_TYPE.audio, 0, audioBody(9))));
    const { connection, feed, seen } = open();
    feed(message(22, tags(1000)));
    expect(seen()).toHaveLength(1000);
    expect(() => feed(message(22, tags(1001)))).toThrow("an aggregate of more than 1000 messages");
    expect([seen().length, connection.phase]).toEqual([1000, "closed"]);
  });

  test("count by what is in them", () => {
    const { connection, feed } = open();
    const before = connection.receivedMessages;
    feed(message(22, Buffer.concat(new Array(50).fill(tag(RTMP_TYPE.audio, 0, audioBody(9))))));
    expect(connection.receivedMessages - before).toBe(51);
  });
});

describe("RtmpConnection, AMF3", () => {
  const text = (value: string) => [(value.length << 1) | 1, ...Buffer.from(value)];
  const amf3Text = (value: string) => [0x11, 6, ...text(value)];
  const app = [...text("app"), 6, ...text("streaming")];
  const version = [...text("flashVer"), 6, ...text("test")];
  const vector = [...text("video"), 0x0d, 3, 0];
  const properties = (...parts: number[][]) => [0x11, 10, 0x0b, 1, ...parts.flat(), 1];
  const command = (...parts: (readonly number[] | Uint8Array)[]) =>
    messageBytes({ type: 17, payload: Uint8Array.from(parts.flatMap((part) => [...part])) });
  const integer = (value: number) => [0x11, 4, value];

  test.each<[string, Uint8Array[]]>([
    ["AMF0 behind a format byte", [
      command([0], encodeAmf0("connect", 1, { app: "streaming", flashVer: "test" })),
      command([0], encodeAmf0("createStream", 2, null)),
      command([0], encodeAmf0("publish", 3, null, "sk_a", "live")),
    ]],
    ["AMF3 values behind a format byte", [
      command([0], encodeAmf0("connect", 1), properties(app, version)),
      command([0], encodeAmf0("createStream"), integer(2), [0x11, 1]),
      command([0], encodeAmf0("publish"), integer(3), [0x11, 1], amf3Text("sk_a"), amf3Text("x")),
    ]],
    ["AMF3 values only, without a format byte", [
      command(amf3Text("connect"), integer(1), properties(app, version)),
      command(amf3Text("createStream"), integer(2), [0x11, 1]),
      command(amf3Text("publish"), integer(3), [0x11, 1], amf3Text("sk_a")),
    ]],
    ["arguments that nobody can read, and nobody needs", [
      command([0], encodeAmf0("connect", 1), properties(app, version, vector)),
      command([0], encodeAmf0("createStream", 2), [0x11, 0x0d, 3, 0]),
      command([0], encodeAmf0("publish", 3, null, "sk_a"), [0x11, 0x0d, 3, 0]),
    ]],
  ])("%s: a publisher of that kind gets in", (_name, commands) => {
    const { feed, attempts, outputText } = open(false);
    feed(handshakeBytes(), ...commands);
    expect(attempts).toEqual([{ appPath: "streaming", streamName: "sk_a", encoder: "test" }]);
    expect(outputText().match(/_result/g)).toHaveLength(2);
  });
});

describe("RtmpConnection, the way out", () => {
  test.each<[string, Uint8Array, string[]]>([
    ["FCUnpublish", commandBytes("FCUnpublish", 6, null, "sk_test"), ["onFCUnpublish", "_result"]],
    ["deleteStream", commandBytes("deleteStream", 0, null, 1), []],
    ["closeStream", commandBytes("closeStream", 0, null), []],
  ])("%s is answered with what an encoder may wait for", (_name, bytes, answers) => {
    const { feed, output, stops } = open();
    output.length = 0;
    feed(bytes);
    const names = output.map((answer) =>
      /onFCUnpublish|_result|onStatus/.exec(Buffer.from(answer).toString("latin1"))?.[0]
    );
    expect(names).toEqual([...answers, "onStatus"]);
    expect(Buffer.concat(output).toString("latin1")).toContain("NetStream.Unpublish.Success");
    expect(stops()).toBe(1);
  });

  test("what is said behind the farewell is answered, media is dropped", () => {
    const { connection, feed, seen, output, outputText, stops } = open();
    feed(commandBytes("FCUnpublish", 0, null, "sk_test"), video(40, 5000));
    expect(connection.phase).toBe("stopped");
    output.length = 0;
    feed(commandBytes("deleteStream", 0, null, 1), commandBytes("FCUnpublish", 9, null, "sk_test"));
    expect(outputText()).toContain("_result");
    expect([seen(), stops()]).toEqual([[], 1]);
  });
});
