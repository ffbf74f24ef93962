/**
 * One right answer for every form of a range, whether the bytes come from memory or from storage.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { until } from "#test/helpers/until.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { createRecorder } from "../recorder/recorder.ts";
import { createPlaybackServer, type PlaybackServer } from "./server.ts";

const live = new LiveRegistry();
let directory: string;
let server: PlaybackServer;
let base: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-ranges-"));
  const storage = createFileStorage({ directory });
  const recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  await server.start();
  const start = { partTargetMs: 340, dvrWindowS: 7200 };
  const broadcast = startSyntheticBroadcast({ live, recorder, start });
  base = `http://127.0.0.1:${server.port}/hls-live/${broadcast.videoUrl}/1/high`;
  // Segment 0 has left memory when the last one is there.
  const rendition = live.get(broadcast.videoUrl)?.rendition("high");
  let seconds = 10;
  await until(() => {
    broadcast.pushUntil(seconds += 2);
    return rendition?.read({ kind: "segment", number: 0 }) === null;
  }, 10_000);
  const newest = rendition?.completeSegments;
  names = {
    "a segment in memory": `seg-${newest}.m4s`,
    "a part in memory": `part-${(rendition?.parts ?? 0) - 1}.m4s`,
    "an init segment in memory": "init-0.mp4",
    "a segment in storage": "seg-1.m4s",
  };
});

afterAll(async () => {
  await server.stop();
  live.close();
  await rm(directory, { recursive: true });
});

let names: Record<string, string>;

/** What is asked for, with `$` for the last byte and `%` for the size, and what comes. */
const FORMS: [string, "whole" | "refused" | [from: string, to: string]][] = [
  ["bytes=0-0", ["0", "0"]],
  ["bytes=0-9", ["0", "9"]],
  ["bytes=10-19", ["10", "19"]],
  ["bytes=0-", ["0", "$"]],
  ["bytes=100-", ["100", "$"]],
  ["bytes=0-$", ["0", "$"]],
  ["bytes=$-$", ["$", "$"]],
  ["bytes=$-", ["$", "$"]],
  ["bytes=-1", ["$", "$"]],
  ["bytes=-%", ["0", "$"]],
  ["bytes=-999999999", ["0", "$"]],
  ["bytes=5-999999999", ["5", "$"]],
  ["bytes=%-", "refused"],
  ["bytes=%-999999999", "refused"],
  ["bytes=999999999-", "refused"],
  ["bytes=-0", "refused"],
  ["bytes=9-5", "whole"],
  ["bytes=-", "whole"],
  ["bytes=", "whole"],
  ["bytes", "whole"],
  ["bytes=a-b", "whole"],
  ["bytes=0x0-0x9", "whole"],
  ["bytes=1.5-2", "whole"],
  ["bytes=--5", "whole"],
  ["bytes=0-1,3-4", "whole"],
  ["bytes=0-1,", "whole"],
  ["bytes=9999999999999999-", "whole"],
  ["items=0-1", "whole"],
];

const KINDS = [
  "a segment in memory",
  "a part in memory",
  "an init segment in memory",
  "a segment in storage",
];

async function read(url: string, headers: Record<string, string> = {}, method = "GET") {
  const response = await fetch(url, { headers, method });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, body };
}

describe.each(KINDS)("%s", (kind) => {
  let url: string;
  let whole: Buffer;
  let etag: string;

  beforeAll(async () => {
    url = `${base}/${names[kind]}`;
    const { headers, body } = await read(url);
    whole = body;
    etag = headers.get("etag") ?? "";
  });

  test("is answered whole, with its length", async () => {
    const { status, headers, body } = await read(url);
    expect(status).toBe(200);
    expect(headers.get("content-length")).toBe(String(body.length));
    expect(body.length).toBeGreaterThan(200);
  });

  test.each(FORMS)("Range: %s", async (form, expected) => {
    const fill = (text: string) =>
      text.replaceAll("$", String(whole.length - 1)).replaceAll("%", String(whole.length));
    const { status, headers, body } = await read(url, { range: fill(form) });
    if (expected === "refused") {
      expect(status).toBe(416);
      expect(headers.get("content-range")).toBe(`bytes */${whole.length}`);
    } else if (expected === "whole") {
      expect(status).toBe(200);
      expect(headers.get("content-range")).toBeNull();
      expect(body.equals(whole)).toBe(true);
    } else {
      const [from = 0, to = 0] = expected.map((text) => Number(fill(text)));
      expect(status).toBe(206);
      expect(headers.get("content-range")).toBe(`bytes ${from}-${to}/${whole.length}`);
      expect(headers.get("content-length")).toBe(String(to - from + 1));
      expect(body.equals(whole.subarray(from, to + 1))).toBe(true);
    }
  });

  test("If-Range decides whether the range counts", async () => {
    const range = "bytes=0-9";
    expect((await read(url, { range, "if-range": etag })).status).toBe(206);
    expect((await read(url, { range, "if-range": '"another"' })).status).toBe(200);
    expect((await read(url, { range, "if-range": `W/${etag}` })).status).toBe(200);
  });

  test("If-None-Match goes before Range, and HEAD has no ranges", async () => {
    const range = "bytes=0-9";
    expect((await read(url, { range, "if-none-match": etag })).status).toBe(304);
    expect((await read(url, { "if-none-match": '"another"' })).status).toBe(200);
    const head = await read(url, { range }, "HEAD");
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(String(whole.length));
    expect(head.headers.get("content-range")).toBeNull();
    expect(head.body).toHaveLength(0);
  });
});
