/**
 * The contract's journey, step by step, on real processes: `sluice dev`, ffmpeg, Chromium.
 * The steps build on each other and run in order.
 */
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, callApi, createUser, type TestUser } from "../helpers/api-client.ts";
import { launchChromium, type PlaybackSample, samplePlayback } from "../helpers/chromium.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import { readKeyframeTimes, startPublish } from "../helpers/publish.ts";
import { until } from "../helpers/until.ts";

type Video = {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  readonly thumbnail: unknown;
  readonly status: string;
  readonly playbackUrl: string;
};
type Profile = {
  readonly picture: {
    readonly status: string;
    readonly variants: readonly { readonly url: string; readonly width: number }[];
  } | null;
};

let sluice: RunningSluice;
let browser: Browser;
let user: TestUser;
let streamKey: string;
let video: Video;
let publish: Publish;
let publishedAtMs: number;

beforeAll(async () => {
  sluice = await startSluice();
  browser = await launchChromium();
}, 90_000);

afterAll(async () => {
  await publish?.kill();
  await browser?.close();
  await sluice?.stop();
}, 30_000);

const readVideo = async () =>
  (await user.call<Video>("GET", `/user/channel/videos/${video.id}`)).body;
const rtmpUrl = (key: string) => `${sluice.ready.rtmp}/${key}`;

test("step 1 and 2: sign up and log in", async () => {
  user = await createUser(sluice.ready.api, "journey");
  const me = await user.call("GET", "/user");
  expect(me.status).toBe(200);
  expect(me.body).toMatchObject({ username: "journey" });
});

test("step 3: a profile picture is resized through the queue", async () => {
  const jpeg = await sharp({
    create: { width: 4000, height: 3000, channels: 3, background: { r: 200, g: 40, b: 40 } },
  }).jpeg().withMetadata({ orientation: 6 }).toBuffer();
  const form = new FormData();
  form.set("image", new File([new Uint8Array(jpeg)], "me.jpg", { type: "image/jpeg" }));
  const upload = await user.call("POST", "/user/profile-picture", form);
  expect(upload.status).toBe(202);
  expect(upload.body).toMatchObject({ status: "pending" });

  const picture = await until(async () => {
    const { body } = await user.call<Profile>("GET", "/user");
    return body.picture?.status === "ready" ? body.picture : undefined;
  }, 15_000);
  expect(new Set(picture.variants.map((variant) => variant.width))).toEqual(
    new Set([512, 256, 80]),
  );
  for (const variant of picture.variants) {
    const image = await fetch(new URL(variant.url, sluice.ready.api));
    expect(image.status).toBe(200);
    const facts = await sharp(new Uint8Array(await image.arrayBuffer())).metadata();
    expect(facts).toMatchObject({ width: variant.width, height: variant.width });
    expect(facts.exif).toBeUndefined();
  }
});

test("step 4: a channel with its secret stream key", async () => {
  const created = await user.call<{ streamKey: string }>("POST", "/user/channel");
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({ status: "IDLE" });
  streamKey = created.body.streamKey;
  expect(streamKey.length).toBeGreaterThan(20);
  expect((await user.call("POST", "/user/channel")).status).toBe(409);
});

test("step 5: a video and its url", async () => {
  const created = await user.call<Video>("POST", "/user/channel/videos", { title: "First show" });
  expect(created.status).toBe(201);
  video = created.body;
  expect(video).toMatchObject({ title: "First show", status: "CREATED" });
  expect(video.url).toMatch(/^[a-z0-9]{12}$/);
  expect(video.playbackUrl).toBe(`${sluice.ready.hls}/hls-live/${video.url}.m3u8`);
});

test("step 6, refused: a wrong key gets an RTMP error and nothing is stored", async () => {
  const refused = startPublish(rtmpUrl("sk_thisisnotthekeyofanybodyatall0000"));
  const { code, stderr } = await refused.exited;
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/BadName|Denied|[Ss]tream key/);
  const videos = await callApi<readonly Video[]>(sluice.ready.api, "GET", "/videos");
  expect(videos.body.map(({ status }) => status)).not.toContain("RUNNING");
});

test("step 6 and 7: publishing makes the video RUNNING, the channel LIVE, the playlist appear", async () => {
  publish = startPublish(rtmpUrl(streamKey));
  publishedAtMs = Date.now();
  const playlist = await until(async () => {
    const response = await fetch(video.playbackUrl);
    return response.status === 200 ? await response.text() : undefined;
  }, 20_000);
  expect(playlist.match(/#EXT-X-STREAM-INF/g)).toHaveLength(3);
  await until(async () => (await readVideo()).status === "RUNNING", 10_000);
  const channel = await user.call("GET", "/user/channel");
  expect(channel.body).toMatchObject({ status: "LIVE" });
});

test("step 7: the three rungs have their keyframes at equal times", async () => {
  await until(() => Date.now() - publishedAtMs > 10_000, 15_000);
  const times = await readKeyframeTimes(video.playbackUrl, 6);
  expect(Object.keys(times)).toHaveLength(3);
  const [first, ...others] = Object.values(times);
  expect(first?.length).toBeGreaterThanOrEqual(2);
  for (const other of others) expect(other).toEqual(first);
}, 40_000);

test("Chromium with hls.js shows moving pictures and does not stall for 20 s", async () => {
  const page = await browser.newPage();
  await page.goto(new URL(`/watch/${video.url}`, sluice.ready.api).href);
  await until(async () => await samplePlayback(page) ?? undefined, 15_000);
  const samples = await sampleFor(page, 20_000);
  const { wallS, playedS, decodedFrames } = measurePlayback(samples);
  expect(samples.every(({ isPaused }) => !isPaused)).toBe(true);
  // A stall of a second would show as missing media time; catching up plays up to 1.5 times faster.
  expect(playedS).toBeGreaterThan(wallS - 0.75);
  expect(decodedFrames).toBeGreaterThan(wallS * 15);
  expect(new Set(samples.map(({ pixels }) => pixels)).size).toBeGreaterThan(samples.length * 0.8);
  await page.close();
}, 60_000);

test("after the end the same URL plays the whole recording, first second included", async () => {
  const publishedForS = (Date.now() - publishedAtMs) / 1000;
  await publish.stop();
  await until(async () => (await readVideo()).status === "ENDED", 15_000);
  const channel = await user.call("GET", "/user/channel");
  expect(channel.body).toMatchObject({ status: "IDLE" });

  const page = await browser.newPage();
  await page.goto(new URL(`/watch/${video.url}`, sluice.ready.api).href);
  await until(async () => await samplePlayback(page) ?? undefined, 15_000);
  const facts = await page.evaluate(() => {
    const element = document.querySelector("video");
    if (element === null) throw new Error("no video element");
    const start = element.seekable.length > 0 ? element.seekable.start(0) : -1;
    return { duration: element.duration, start, currentTime: element.currentTime };
  });
  expect(facts.start).toBeLessThan(0.1);
  expect(facts.currentTime).toBeLessThan(5);
  expect(facts.duration).toBeGreaterThan(publishedForS - 6);
  expect(facts.duration).toBeLessThan(publishedForS + 2);
  await page.close();

  const times = await readKeyframeTimes(video.playbackUrl, Infinity);
  for (const rung of Object.values(times)) expect(rung[0]).toBeLessThan(0.2);
}, 60_000);

test(
  "a second broadcast without a new video makes one with the same title and thumbnail",
  async () => {
    const before: Answer<Video> = await until(async () => {
      const answer = await user.call<Video>("GET", `/user/channel/videos/${video.id}`);
      return answer.body.thumbnail === null ? undefined : answer;
    }, 20_000);
    publish = startPublish(rtmpUrl(streamKey));
    const second = await until(async () => {
      const { body } = await user.call<readonly Video[]>("GET", "/user/channel/videos");
      return body.find(({ status }) => status === "RUNNING");
    }, 20_000);
    expect(second.id).not.toBe(video.id);
    expect(second.url).not.toBe(video.url);
    expect(second.title).toBe("First show");
    expect(second.thumbnail).toEqual(before.body.thumbnail);
    await publish.stop();
    await until(async () => {
      const { body } = await user.call<Video>("GET", `/user/channel/videos/${second.id}`);
      return body.status === "ENDED";
    }, 15_000);
  },
  60_000,
);

async function sampleFor(page: Page, durationMs: number): Promise<PlaybackSample[]> {
  const samples: PlaybackSample[] = [];
  const endAtMs = Date.now() + durationMs;
  let nextAtMs = 0;
  await until(async () => {
    if (Date.now() >= nextAtMs) {
      const sample = await samplePlayback(page);
      if (sample !== null) samples.push(sample);
      nextAtMs = Date.now() + 500;
    }
    return Date.now() >= endAtMs;
  }, durationMs + 10_000);
  return samples;
}

function measurePlayback(samples: readonly PlaybackSample[]) {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) throw new Error("no samples");
  return {
    wallS: (last.atMs - first.atMs) / 1000,
    playedS: last.currentTimeS - first.currentTimeS,
    decodedFrames: last.decodedFrames - first.decodedFrames,
  };
}
