/**
 * What pages of other origins may do, as Chromium sees it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLogger } from "#shared/log.ts";
import { createFileStorage } from "#shared/storage/fs.ts";
import { launchChromium } from "#test/helpers/chromium.ts";
import { serve, type Served } from "#test/helpers/serve.ts";
import { startSyntheticBroadcast } from "#test/helpers/synthetic-broadcast.ts";
import { LiveRegistry } from "../live/live-registry.ts";
import { preflightReply } from "./cors.ts";
import { createPlaybackServer, type PlaybackServer } from "./server.ts";

const live = new LiveRegistry();
let directory: string;
let server: PlaybackServer;
let elsewhere: Served;
let browser: Browser;
let page: Page;
let url: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-cors-"));
  const storage = createFileStorage({ directory });
  server = createPlaybackServer({ host: "127.0.0.1", port: 0, storage, live, log: silentLogger });
  await server.start();
  const broadcast = startSyntheticBroadcast({ live });
  broadcast.pushUntil(6);
  url = `http://127.0.0.1:${server.port}/hls-live/${broadcast.videoUrl}/1/high`;
  elsewhere = serve(() =>
    new Response("<!doctype html>", { headers: { "content-type": "text/html" } })
  );
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(elsewhere.url);
}, 30_000);

afterAll(async () => {
  await browser?.close();
  await elsewhere?.stop();
  await server?.stop();
  live.close();
  await rm(directory, { recursive: true });
});

const fetchInPage = (file: string, headers: Record<string, string>) =>
  page.evaluate(async ([address, sent]) => {
    const response = await fetch(address, { headers: sent });
    return { status: response.status, seen: [...response.headers.keys()] };
  }, [`${url}/${file}`, headers] as const);

describe("a page of another origin", () => {
  test.each<[string, Record<string, string>]>([
    ["a token", { authorization: "Bearer abc" }],
    ["how it does", {
      "cmcd-request": "mtp=1200",
      "cmcd-session": 'sid="1"',
      "cmcd-object": "d=2",
    }],
    ["a content type", { "content-type": "application/json" }],
    ["names of its own", {
      "x-playback-session-id": "7",
      "x_trace": "8",
      "cache-control": "no-cache",
    }],
  ])("may send %s", async (_, headers) => {
    for (const file of ["index.m3u8", "seg-1.m4s"]) {
      expect((await fetchInPage(file, headers)).status).toBe(200);
    }
  });

  test("sees the length, the range and the clock of what it gets", async () => {
    const { status, seen } = await fetchInPage("seg-1.m4s", { range: "bytes=0-9" });
    expect(status).toBe(206);
    expect(seen).toEqual(
      expect.arrayContaining(["content-length", "content-range", "date", "etag"]),
    );
  });
});

describe("preflightReply()", () => {
  const allowedFor = (asked: string | undefined) =>
    preflightReply(() => asked).headers["access-control-allow-headers"];

  test("names what was asked for, each once and in lower case", () => {
    expect(allowedFor(undefined)).toBe("range, if-none-match, if-range");
    expect(allowedFor("Authorization, Range,authorization"))
      .toBe("range, if-none-match, if-range, authorization");
  });

  test("repeats no text that is no header's name, and no more than players send", () => {
    expect(allowedFor('a b, <script>, x"y, é, , x:y')).toBe("range, if-none-match, if-range");
    expect(allowedFor("x".repeat(65))).toBe("range, if-none-match, if-range");
    const many = Array.from({ length: 100 }, (_, index) => `x-${index}`).join(",");
    expect(allowedFor(many)?.split(", ")).toHaveLength(3 + 32);
  });
});
