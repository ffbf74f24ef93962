import { afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import {
  audioBody,
  commandBytes,
  connectBytes,
  handshakeBytes,
  publishBytes,
  RTMP_TYPE,
  videoBody,
} from "#test/helpers/rtmp-bytes.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import { until } from "#test/helpers/until.ts";
import type { IngestLimits } from "../admission/limits.ts";
import type { PublishDecision, Publisher, PublisherEnd, PublishRequest, WireTag } from "../port.ts";
import { createIngestServer, type IngestServer, ListenError } from "./server.ts";

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A broadcast as its sink sees it. */
class RecordingSink {
  publisher: Publisher | null = null;
  readonly tags: WireTag[] = [];
  readonly ends: PublisherEnd[] = [];
  readonly onStart = (publisher: Publisher) => void (this.publisher = publisher);
  readonly onTag = (tag: WireTag) => void this.tags.push(tag);
  readonly onEnd = (end: PublisherEnd) => void this.ends.push(end);
}

const GOOD_KEY = "sk_good";
const unknownKey: PublishDecision = {
  isAccepted: false,
  code: "BadName",
  reason: "The stream key is unknown.",
  isKeyBad: true,
};

/** A server that takes one publisher with the good key at a time. */
async function start(
  limits: Partial<IngestLimits> = {},
  decide?: (request: PublishRequest, sink: RecordingSink) => Promise<PublishDecision>,
) {
  const requests: PublishRequest[] = [];
  const sinks: RecordingSink[] = [];
  const server = createIngestServer({
    host: "127.0.0.1",
    port: 0,
    app: "streaming",
    limits,
    log: silentLogger,
    onPublish: async (request) => {
      requests.push(request);
      const sink = new RecordingSink();
      if (decide !== undefined) {
        sinks.push(sink);
        return await decide(request, sink);
      }
      if (request.streamKey !== GOOD_KEY) return unknownKey;
      const isLive = sinks.some((other) => other.publisher !== null && other.ends.length === 0);
      if (isLive) return { isAccepted: false, code: "BadName", reason: "Already live." };
      sinks.push(sink);
      return { isAccepted: true, sink };
    },
  });
  await server.start();
  stops.push(() => server.stop());
  return { server, port: server.port, requests, sinks };
}

async function openClient(server: IngestServer): Promise<RtmpClient> {
  const client = await RtmpClient.open({ port: server.port });
  stops.push(() => client.destroy());
  return client;
}

async function publish(server: IngestServer, streamKey = GOOD_KEY, app = "streaming") {
  const published = await RtmpClient.publish({ port: server.port, streamKey, app });
  stops.push(() => published.client.destroy());
  return published;
}

/** A publisher with the good key whose question is answered by `accept`. */
async function askToPublish() {
  const asked = Promise.withResolvers<void>();
  const { server, sinks } = await start({}, async (_request, sink) => {
    await asked.promise;
    return { isAccepted: true, sink };
  });
  const client = await openClient(server);
  client.sendRaw(publishBytes("streaming", GOOD_KEY));
  return { server, sinks, client, accept: () => asked.resolve() };
}

describe("createIngestServer", () => {
  test("starts a publisher with a good key and hands on its tags", async () => {
    const { server, requests, sinks } = await start();
    const { client, status } = await publish(server);
    expect(status).toMatchObject({ level: "status", code: "NetStream.Publish.Start" });
    expect(requests).toEqual([{
      publisherId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      streamKey: GOOD_KEY,
      remoteAddress: "127.0.0.1",
      encoder: "FMLE/3.0 (compatible; test)",
    }]);
    client.sendVideo(0, videoBody(500));
    client.sendAudio(10, audioBody(100));
    const sink = sinks[0] as RecordingSink;
    await until(() => sink.tags.length === 2, 2000);
    expect(sink.publisher?.id).toBe(requests[0]?.publisherId);
    expect([server.connections, server.publishers]).toEqual([1, 1]);
    client.sendCommand("deleteStream", 6, null, 1);
    await client.closed();
    expect(sink.ends).toEqual([{ cause: "stopped" }]);
    expect([server.connections, server.publishers]).toEqual([0, 0]);
  });

  test("a publisher that stops may say more before it closes, and is not waited for", async () => {
    const { server, sinks } = await start({ closingMs: 300 });
    const { client } = await publish(server);
    const errors: Error[] = [];
    client.socket.on("error", (error) => errors.push(error));
    client.sendCommand("FCUnpublish", 6, null, GOOD_KEY);
    await client.closed();
    expect(sinks[0]?.ends).toEqual([{ cause: "stopped" }]);
    for (let more = 0; more < 3; more += 1) {
      client.sendCommand("deleteStream", 7, null, 1);
      await Bun.sleep(20);
    }
    expect(errors).toEqual([]);
    await server.stop();
  });

  test("one that closes while it is held back loses nothing of what it sent", async () => {
    const { server, sinks } = await start();
    const { client } = await publish(server);
    const sink = sinks[0] as RecordingSink;
    await until(() => sink.publisher, 2000);
    sink.publisher?.pause();
    const { windowAckSize } = RTMP_TYPE;
    const payload = Buffer.from([0, 1, 0, 0]);
    client.sendMessage({ type: windowAckSize, payload, chunkStream: 2 });
    for (let frame = 0; frame < 30; frame += 1) client.sendVideo(frame * 40, videoBody(10_000));
    client.sendCommand("deleteStream", 7, null, 1);
    await until(() => client.socket.writableLength === 0, 2000);
    client.destroy();
    await Bun.sleep(1100);
    sink.publisher?.resume();
    await until(() => sink.ends.length > 0, 2000);
    expect(sink.ends).toEqual([{ cause: "stopped" }]);
    expect(sink.tags).toHaveLength(30);
  });

  test("answers Publish.Start only once the publish is accepted", async () => {
    const { sinks, client, accept } = await askToPublish();
    client.sendVideo(0, videoBody(500));
    await until(() => client.commands.length >= 3 && sinks.length === 1, 2000);
    client.sendVideo(40, videoBody(500));
    expect(client.commands.some(([name]) => name === "onStatus")).toBe(false);
    expect(sinks[0]?.tags).toEqual([]);
    accept();
    expect((await client.nextStatus()).code).toBe("NetStream.Publish.Start");
    await until(() => sinks[0]?.tags.length === 2, 2000);
  });

  test("holds a hasty publisher back by TCP while it asks about it", async () => {
    const { sinks, client, accept } = await askToPublish();
    await until(() => sinks.length === 1, 2000);
    for (let i = 0; i < 300; i += 1) client.sendVideo(i * 40, videoBody(10_000));
    const askedAtMs = performance.now();
    await until(() => performance.now() - askedAtMs > 200, 2000);
    accept();
    await until(() => sinks[0]?.tags.length === 300, 5000);
    expect(sinks[0]?.ends).toEqual([]);
  });

  test.each([
    ["the key as stream name", "streaming", GOOD_KEY],
    ["the key in the app's path", `streaming/${GOOD_KEY}`, ""],
    ["stray white space", " streaming ", ` ${GOOD_KEY}\n`],
    ["a query", "streaming?a=b", `${GOOD_KEY}?bandwidthtest=true`],
    ["stray slashes", "/streaming/", `/${GOOD_KEY}`],
  ])("accepts %s", async (_name, app, streamKey) => {
    const { server, requests } = await start();
    const { status } = await publish(server, streamKey, app);
    expect(status.code).toBe("NetStream.Publish.Start");
    expect(requests[0]?.streamKey).toBe(GOOD_KEY);
  });

  test.each([
    ["a wrong app", "live", GOOD_KEY, "Denied", 'no application "live"'],
    ["a missing key", "streaming", "", "BadName", "missing"],
    ["an unknown key", "streaming", "sk_bad", "BadName", "unknown"],
    ["a key that is too long", "streaming", "k".repeat(300), "BadName", "too long"],
  ])(
    "refuses %s before the start, in words, within 500 ms",
    async (_name, app, key, code, words) => {
      const { server, sinks } = await start();
      const startedAtMs = performance.now();
      const { client, status } = await publish(server, key, app);
      expect(performance.now() - startedAtMs).toBeLessThan(500);
      expect(status).toMatchObject({ level: "error", code: `NetStream.Publish.${code}` });
      expect(status.description).toContain(words);
      await client.closed(2000);
      expect(sinks).toEqual([]);
    },
  );

  test("fails closed when the handler throws or does not answer", async () => {
    const broken = await start({}, () => Promise.reject(new Error("the API is down")));
    expect((await publish(broken.server)).status.code).toBe("NetStream.Publish.Denied");
    let answerLate = () => {};
    const hanging = await start(
      { authoriseDeadlineMs: 100 },
      (_request, sink) =>
        new Promise((resolve) => (answerLate = () => resolve({ isAccepted: true, sink }))),
    );
    expect((await publish(hanging.server)).status.code).toBe("NetStream.Publish.Denied");
    answerLate();
    await until(() => hanging.sinks[0]?.ends.length === 1, 2000);
  });

  test("tells a sink that its publisher was gone before the start", async () => {
    const { server, sinks, accept } = await askToPublish();
    await until(() => sinks.length === 1, 2000);
    await server.stop();
    accept();
    await until(() => sinks[0]?.ends.length === 1, 2000);
    expect(sinks[0]).toMatchObject({ publisher: null, ends: [{ cause: "lost" }] });
  });

  test("does not ask again about a bad key, but does about one that is merely busy", async () => {
    const { server, requests } = await start();
    await publish(server);
    for (let i = 0; i < 3; i += 1) {
      expect((await publish(server, "sk_bad")).status.description).toContain("unknown");
      expect((await publish(server)).status.description).toBe("Already live.");
    }
    expect(requests.map((request) => request.streamKey)).toEqual([
      GOOD_KEY,
      "sk_bad",
      GOOD_KEY,
      GOOD_KEY,
      GOOD_KEY,
    ]);
  });

  test("limits the keys an address may try, but lets a known broadcaster in", async () => {
    const { server, requests } = await start({ maxUnknownKeysPerMinute: 3 });
    const first = await publish(server);
    first.client.sendCommand("deleteStream", 6, null, 1);
    await first.client.closed();
    const seen: string[] = [];
    for (let i = 0; i < 5; i += 1) seen.push((await publish(server, `sk_${i}`)).status.code);
    expect(seen.slice(0, 3)).toEqual(new Array(3).fill("NetStream.Publish.BadName"));
    expect(seen.slice(3)).toEqual(new Array(2).fill("NetStream.Publish.Denied"));
    expect(requests).toHaveLength(4);
    expect((await publish(server)).status.code).toBe("NetStream.Publish.Start");
  });

  test("a refused publisher, a second publisher and a player put no byte into a broadcast", async () => {
    const { server, sinks } = await start();
    const { client } = await publish(server);
    const intruders = [
      (await publish(server, "sk_bad")).client,
      (await publish(server)).client,
      await openClient(server),
      await openClient(server),
    ];
    intruders[2]?.sendRaw(Buffer.concat([
      handshakeBytes(),
      connectBytes("streaming"),
      commandBytes("createStream", 2, null),
      commandBytes("play", 0, null, GOOD_KEY),
    ]));
    await until(() => intruders[2]?.commands.some(([name]) => name === "onStatus"), 2000);
    intruders[3]?.sendRaw(Buffer.concat([handshakeBytes(), connectBytes("streaming")]));
    for (const intruder of intruders) {
      for (let i = 0; i < 20; i += 1) intruder.sendVideo(i, videoBody(99));
    }
    for (let i = 0; i < 20; i += 1) client.sendVideo(i * 40, videoBody(500));
    await until(() => sinks[0]?.tags.length === 20, 2000);
    for (const intruder of intruders) await intruder.closed(3000);
    for (const intruder of intruders) intruder.sendVideo(99, videoBody(99)); // half open
    await until(() => server.connections === 1, 3000);
    expect(sinks).toHaveLength(1);
    expect(sinks[0]?.tags.every((tag) => tag.body.length === 500)).toBe(true);
    expect(sinks[0]?.ends).toEqual([]);
  });

  test("kick() and stop() end a publisher exactly once", async () => {
    const { server, sinks } = await start();
    const first = await publish(server);
    sinks[0]?.publisher?.kick();
    sinks[0]?.publisher?.kick();
    await first.client.closed();
    const second = await publish(server);
    await server.stop();
    await server.stop();
    await second.client.closed();
    expect(sinks.map((sink) => sink.ends)).toEqual([[{ cause: "kicked" }], [{ cause: "kicked" }]]);
  });

  test("a lost socket is lost, not stopped", async () => {
    const { server, sinks } = await start();
    const { client } = await publish(server);
    client.destroy();
    await until(() => sinks[0]?.ends.length === 1, 2000);
    expect(sinks[0]?.ends[0]).toMatchObject({ cause: "lost" });
  });

  test("pause() holds the encoder back and suspends the idle deadline", async () => {
    const { server, sinks } = await start({ idleMs: 300 });
    const { client } = await publish(server);
    const sink = sinks[0] as RecordingSink;
    sink.publisher?.pause();
    client.sendMessage({
      type: RTMP_TYPE.setChunkSize,
      payload: Uint8Array.of(0, 1, 0, 0),
      chunkStream: 2,
    });
    const video = { type: RTMP_TYPE.video, chunkStream: 6, streamId: 1, chunkBytes: 65536 };
    for (let i = 0; i < 320; i += 1) client.sendMessage({ ...video, payload: videoBody(50_000) });
    const pausedAtMs = performance.now();
    await until(() => performance.now() - pausedAtMs > 600, 2000);
    expect(sink.ends).toEqual([]);
    const whilePaused = sink.tags.length;
    expect(whilePaused).toBeLessThan(50);
    sink.publisher?.resume();
    await until(() => sink.tags.length === 320, 5000);
    await until(() => sink.ends.length === 1, 2000);
    expect(sink.ends[0]).toMatchObject({
      cause: "lost",
      detail: expect.stringContaining("silent"),
    });
  });

  test("a publisher that spoke while this process stood still is not taken for silent", async () => {
    let standStill: (() => void) | undefined;
    const { server, sinks } = await start(
      { idleMs: 400 },
      (_request, { onStart, onTag, onEnd }) => {
        const onTagOnce = (tag: WireTag) => {
          onTag(tag);
          standStill?.();
          standStill = undefined;
        };
        return Promise.resolve({ isAccepted: true, sink: { onStart, onTag: onTagOnce, onEnd } });
      },
    );
    const { client } = await publish(server);
    const sink = sinks[0] as RecordingSink;
    // While a socket is read: timers that are due come before the next one is.
    standStill = () => {
      client.sendVideo(40, videoBody(500));
      Bun.sleepSync(1000);
    };
    client.sendVideo(0, videoBody(500));
    await until(() => sink.tags.length === 2, 4000);
    expect(sink.ends).toEqual([]);
    await until(() => sink.ends.length === 1, 2000);
    expect(sink.ends).toMatchObject([{ cause: "lost", detail: expect.stringContaining("silent") }]);
  });

  test.each([
    ["bitrate", { maxBitrateBps: 80_000 }, 200_000],
    ["message rate", { maxMessagesPerSecond: 2 }, 20],
  ])("ends a publisher above its %s", async (_name, limits, bytes) => {
    const { server, sinks } = await start(limits);
    const { client } = await publish(server);
    for (let i = 0; i < 40; i += 1) client.sendVideo(i * 40, videoBody(bytes));
    await client.closed();
    expect(sinks[0]?.ends).toMatchObject([{ cause: "limit" }]);
  });

  test("ends a publisher after its maximum duration", async () => {
    const { server, sinks } = await start({ maxDurationMs: 200 });
    const { client } = await publish(server);
    await client.closed();
    expect(sinks[0]?.ends).toMatchObject([{ cause: "limit", detail: "longer than 0.2 s" }]);
  });

  test("says which port is taken, and stays in the process", async () => {
    const { port } = await start();
    const second = createIngestServer({
      host: "127.0.0.1",
      port,
      app: "streaming",
      log: silentLogger,
      onPublish: () => Promise.resolve(unknownKey),
    });
    const error = await second.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({ code: "EADDRINUSE", port });
    expect(String(error)).toContain(`RTMP port ${port} on 127.0.0.1 is already in use`);
    await second.stop();
  });
});
