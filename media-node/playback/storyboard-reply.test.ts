import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { LiveStoryboard } from "../live/live-storyboard.ts";
import { LiveStoryboards } from "../live/live-storyboards.ts";
import { routeOf } from "./routes.ts";
import { storyboardReply } from "./storyboard-reply.ts";
import { toResponse } from "./to-response.ts";

const storyboards = new LiveStoryboards();
const storyboard = new LiveStoryboard(60_000, () => 1_000_000);
const VTT = "/hls-live/abcd1234/storyboard.vtt";
const IMAGE = "/hls-live/abcd1234/storyboard-1000.jpg";

beforeAll(async () => {
  storyboard.useClock(0, Date.UTC(2026, 10, 30));
  const create = { width: 160, height: 90, channels: 3, background: "#00f" } as const;
  storyboard.add(0, await sharp({ create }).jpeg().toBuffer());
});

function ask(path: string, headers: Record<string, string> = {}): Response {
  const route = routeOf(path);
  if (route?.kind !== "storyboard" && route?.kind !== "storyboardImage") {
    throw new Error(`${path} is no storyboard`);
  }
  const request = { method: "GET", header: (name: string) => headers[name] };
  const reply = storyboardReply(storyboards, request, route);
  return toResponse(reply, { onFailed: () => {}, onCut: () => {} });
}

function whileLive<T>(act: () => T): T {
  storyboards.open("abcd1234", storyboard);
  try {
    return act();
  } finally {
    storyboards.close("abcd1234", storyboard);
  }
}

describe("storyboardReply()", () => {
  test("is the WebVTT of this moment, for pages of any origin", async () => {
    const response = whileLive(() => ask(VTT));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/vtt; charset=utf-8",
      "cache-control": "no-store",
      "access-control-allow-origin": "*",
    });
    expect(await response.text()).toBe(
      "WEBVTT\n\n2026-11-30T00:00:00.000Z\n00:00:00.000 --> 00:00:10.000\n" +
        "storyboard-1000.jpg#xywh=0,0,160,90\n",
    );
  });

  test("is the image it names, which may be kept for good", async () => {
    const response = whileLive(() => ask(IMAGE));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "image/jpeg",
      "cache-control": "public, max-age=31536000, immutable",
      "access-control-allow-origin": "*",
    });
    expect(await sharp(await response.arrayBuffer()).metadata())
      .toMatchObject({ width: 160, height: 96 });
    const etag = response.headers.get("etag") ?? "";
    expect(whileLive(() => ask(IMAGE, { "if-none-match": etag })).status).toBe(304);
    const part = whileLive(() => ask(IMAGE, { range: "bytes=0-1" }));
    expect([part.status, [...new Uint8Array(await part.arrayBuffer())]]).toEqual([206, [
      0xff,
      0xd8,
    ]]);
  });

  test.each([VTT, IMAGE])("%s is 404 when the video is not live", (target) => {
    expect(ask(target).status).toBe(404);
  });

  test.each(["0", "999", "1001"])("is 404 for the image %s, which never was", (number) => {
    expect(whileLive(() => ask(IMAGE.replace("1000", number))).status).toBe(404);
  });
});
