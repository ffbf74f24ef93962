import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createLogger, type LogFields } from "#shared/log.ts";
import { patternArgs, publish, publishArgs, recordFlv } from "#test/helpers/ffmpeg.ts";
import { chunkSizeBytes, messageBytes, RTMP_TYPE, videoBody } from "#test/helpers/rtmp-bytes.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import { until } from "#test/helpers/until.ts";
import type { IngestLimits } from "../admission/limits.ts";
import type { KickReason, Publisher, PublisherEnd } from "../port.ts";
import { createIngestServer } from "./server.ts";

const SECONDS = 3;
const FRAMES = 30 * SECONDS;
const SENTENCE = "HEVC is not supported here: choose H.264.";

let directory: string;
let flvFile: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-way-out-"));
  flvFile = join(directory, "source.flv");
  await writeFile(flvFile, await recordFlv({ seconds: SECONDS, fps: 30 }));
});
afterAll(() => rm(directory, { recursive: true }));

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

type Options = {
  readonly limits?: Partial<IngestLimits>;
  /** Given: cuts each publisher at its n-th tag. */
  readonly kick?: { readonly atTag: number; readonly reason?: KickReason };
};

async function start({ limits = {}, kick }: Options = {}) {
  const ends: PublisherEnd[] = [];
  const lines: LogFields[] = [];
  const counts = { tags: 0, video: 0 };
  const server = createIngestServer({
    host: "127.0.0.1",
    port: 0,
    app: "streaming",
    limits,
    log: createLogger({ level: "info", write: (line) => void lines.push(line) }),
    onPublish: () => {
      let publisher: Publisher | null = null;
      const sink = {
        onStart: (started: Publisher) => void (publisher = started),
        onTag: ({ type }: { type: string }) => {
          counts.tags += 1;
          if (type === "video") counts.video += 1;
          if (counts.tags === kick?.atTag) publisher?.kick(kick.reason);
        },
        onEnd: (end: PublisherEnd) => void ends.push(end),
      };
      return Promise.resolve({ isAccepted: true, sink });
    },
  });
  await server.start();
  stops.push(() => server.stop());
  const { port } = server;
  return { server, port, ends, lines, counts, url: `rtmp://127.0.0.1:${port}/streaming/sk_good` };
}

/** GStreamer publishes the file, at its own pace or at once; resolves with its exit code and words. */
function publishByGstreamer(
  sink: string,
  url: string,
  isPaced = true,
): Promise<{ code: unknown; said: string }> {
  const pipeline = [
    ...["filesrc", `location=${flvFile}`, "!", "flvdemux", "name=demux"],
    ...["demux.video", "!", "queue", "!", "h264parse", "!", "mux."],
    ...["demux.audio", "!", "queue", "!", "aacparse", "!", "mux."],
    ...["flvmux", "name=mux", "streamable=true", "!", sink, `location=${url}`, `sync=${isPaced}`],
  ];
  return new Promise((resolve) => {
    execFile("gst-launch-1.0", ["-q", ...pipeline], { timeout: 20_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : error.code ?? error.signal, said: `${out}${err}` });
    });
  });
}

describe("an encoder that stops", () => {
  test.each(["rtmp2sink", "rtmpsink"])("GStreamer's %s ends well", async (sink) => {
    const { url, ends, counts } = await start();
    expect(await publishByGstreamer(sink, url)).toEqual({ code: 0, said: "" });
    await until(() => ends.length > 0, 2000);
    expect(ends).toEqual([{ cause: "stopped" }]);
    expect(counts.video).toBeGreaterThanOrEqual(FRAMES);
  }, 30_000);

  test("GStreamer's rtmp2sink ends well every time, also with all at once", async () => {
    const { url, ends, counts } = await start();
    const clients = 6;
    for (let left = clients; left > 0; left -= 1) {
      expect(await publishByGstreamer("rtmp2sink", url, false)).toEqual({ code: 0, said: "" });
    }
    await until(() => ends.length === clients, 2000);
    expect(ends).toEqual(new Array(clients).fill({ cause: "stopped" }));
    expect(counts.video).toBeGreaterThanOrEqual(clients * FRAMES);
  }, 30_000);

  test("ffmpeg that is told to stop ends well", async () => {
    const { url, ends, counts } = await start();
    const publishing = publish(url);
    await until(() => counts.video > 15, 10_000);
    expect(await publishing.stop()).toEqual({ code: 0, stderr: "" });
    await until(() => ends.length > 0, 2000);
    expect(ends).toEqual([{ cause: "stopped" }]);
  });

  test("closes first, in its own time; one that does not is closed after ours", async () => {
    const { port, ends } = await start({ limits: { closingMs: 400 } });
    const { client } = await RtmpClient.publish({ port, streamKey: "sk_good" });
    client.sendCommand("FCUnpublish", 6, null, "sk_good");
    expect(await client.nextStatus()).toMatchObject({ code: "NetStream.Unpublish.Success" });
    const saidAtMs = performance.now();
    client.sendCommand("deleteStream", 7, null, 1);
    await client.closed();
    expect(performance.now() - saidAtMs).toBeGreaterThan(300);
    expect(client.commands.map(([name]) => name)).toEqual(
      expect.arrayContaining(["onFCUnpublish", "_result"]),
    );
    expect(ends).toEqual([{ cause: "stopped" }]);
    client.destroy();
  });
});

describe("a publisher that is cut after its start", () => {
  test.each([
    ["at its first tag", 1, []],
    ["while it plays", 40, ["-re"]],
  ])("%s, ffmpeg shows our sentence", async (_when, atTag, pacing) => {
    const { url, ends, counts } = await start({ kick: { atTag, reason: { sentence: SENTENCE } } });
    const source = [...pacing, ...patternArgs({ seconds: 20 })];
    const { code, stderr } = await publishArgs([...source, url]).exited;
    expect(code).not.toBe(0);
    expect(stderr).toContain(`Server error: ${SENTENCE}`);
    expect(ends).toEqual([{ cause: "kicked", detail: SENTENCE }]);
    expect(counts.tags).toBe(atTag);
  }, 30_000);

  test("reads why, as an error of its stream, and then the end", async () => {
    const code = "NetStream.Publish.Denied";
    const kick = { atTag: 1, reason: { sentence: SENTENCE, code } };
    const { port, server } = await start({ kick, limits: { closingMs: 300 } });
    const { client } = await RtmpClient.publish({ port, streamKey: "sk_good" });
    client.sendVideo(0, videoBody(100));
    expect(await client.nextStatus()).toEqual({ level: "error", code, description: SENTENCE });
    await client.closed();
    expect([server.connections, server.publishers]).toEqual([0, 0]);
    client.destroy();
  });

  test("without a reason, is destroyed as if the line were lost", async () => {
    const { port, ends } = await start({ kick: { atTag: 1 } });
    const { client } = await RtmpClient.publish({ port, streamKey: "sk_good" });
    client.sendVideo(0, videoBody(100));
    await client.closed();
    expect(client.commands.some(([name]) => name === "onStatus")).toBe(false);
    expect(ends).toEqual([{ cause: "kicked" }]);
  });

  test.each<[string, Partial<IngestLimits>, string]>([
    ["limit", { maxDurationMs: 200 }, "The broadcast was cut: longer than 0.2 s."],
    ["protocol error", {}, "RTMP error: chunk size of 0 bytes: 1 to 0x7fffffff is allowed."],
  ])("by a %s, reads that", async (_name, limits, sentence) => {
    const { port } = await start({ limits });
    const { client } = await RtmpClient.publish({ port, streamKey: "sk_good" });
    if (limits.maxDurationMs === undefined) client.sendRaw(chunkSizeBytes(0));
    const status = await client.nextStatus();
    expect(status).toEqual({
      level: "error",
      code: "NetStream.Publish.Failed",
      description: sentence,
    });
    client.destroy();
  });
});

test.each([
  [
    RTMP_TYPE.video,
    16_009_333,
    "A frame of the video has 16.0 MB; at most 8.4 MB can be carried. Set a lower bitrate or a smaller picture in the encoder.",
  ],
  [
    RTMP_TYPE.audio,
    80_000,
    "A frame of the audio has 80 kB; at most 66 kB can be carried. Set a lower audio bitrate in the encoder.",
  ],
])(
  "a frame of type %d that is too long is an end with what to set",
  async (type, bytes, sentence) => {
    const { port, ends } = await start();
    const { client } = await RtmpClient.publish({ port, streamKey: "sk_good" });
    client.sendRaw(messageBytes({ type, payload: new Uint8Array(10), claimedLength: bytes }));
    expect(await client.nextStatus()).toMatchObject({ level: "error", description: sentence });
    expect(ends).toEqual([{ cause: "lost", detail: sentence }]);
    client.destroy();
  },
);

test("what a live publisher sends in vain is logged once, a stranger's is not", async () => {
  const { port, lines, counts } = await start();
  const { client } = await RtmpClient.publish({ port, streamKey: "sk_good" });
  const sharedObject = messageBytes({ type: 19, payload: new Uint8Array(50), chunkStream: 7 });
  client.sendRaw(Buffer.concat([sharedObject, sharedObject]));
  client.sendVideo(0, videoBody(100));
  const stranger = await RtmpClient.open({ port });
  await stranger.connectApp("streaming");
  stranger.sendRaw(sharedObject);
  stranger.sendCommand("createStream", 9, null);
  await until(() => stranger.commands.length === 2 && counts.tags === 1, 2000);
  const ignored = lines.filter(({ event }) => event === "publisher.message_ignored");
  expect(ignored).toMatchObject([{ what: "shared object" }]);
  for (const one of [client, stranger]) one.destroy();
});
