/**
 * A machine that cannot keep up, as viewers meet it: the encoder falls behind, its successor leaves
 * rungs out, and whoever watches one of them goes on with the picture of the one below.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkMultivariant } from "#shared/hls/check-multivariant.ts";
import { checkMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { expectProgress, factsOf, openHlsJs } from "../helpers/browser-players.ts";
import { launchChromium } from "../helpers/chromium.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import {
  fetchPlaylist,
  mediaPlaylistsOf,
  startTestNode,
  type TestNode,
} from "../helpers/media-node.ts";
import { type Played, playInFfmpeg, playInGStreamer } from "../helpers/players.ts";
import { startPublish } from "../helpers/publish.ts";
import { slowDown } from "../helpers/slow-process.ts";
import { until } from "../helpers/until.ts";

const KEY = "sk_overload";
const HIGH_WIDTH_PX = 480;
/** For about four of these seconds the encoder falls behind. */
const PLAYED_S = 14;
let node: TestNode;
let browser: Browser;
let publisher: Publish;
let url: string;
/** Whoever plays this one stays on the top rung. */
let topUrl: string;

beforeAll(async () => {
  const settings = { ladder: "encode" as const };
  node = await startTestNode({ ladder: "low=90@200,mid=180@400,high=270@800", settings });
  browser = await launchChromium();
  publisher = startPublish(node.publishUrl(KEY), { size: "640x360", videoBitrate: "2M" });
  const started = await until(() => node.control.authorised.get(KEY), 10_000);
  url = node.playlistUrl(started.videoUrl);
  topUrl = mediaPlaylistsOf(await fetchPlaylist(url), url).get("high") ?? "";
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await publisher?.stop();
  await node?.stop();
});

const countOf = (event: string) => node.log.filter((line) => line.event === event).length;

function expectPlayed({ playedS, log }: Played): void {
  expect(playedS, log).toBeGreaterThanOrEqual(PLAYED_S);
}

test(
  "rungs that are left out go on in every player with the picture of the one below",
  async () => {
    const page = await openHlsJs(browser, topUrl);
    const wish = { url: topUrl, seconds: PLAYED_S, deadlineMs: 40_000 };
    const players = [playInFfmpeg(wish), playInGStreamer(wish)];
    await expectProgress(page, 2);
    const release = slowDown(node.enginePids().at(-1) ?? 0);
    await until(() => countOf("engine.load_changed") > 0, 15_000);
    release();
    await until(async () => (await factsOf(page)).widthPx < HIGH_WIDTH_PX, 20_000);
    await expectProgress(page, 3);
    for (const played of await Promise.all(players)) expectPlayed(played);
    // Each successor worked.
    expect([countOf("engine.stalled"), countOf("engine.exited")]).toEqual([0, 0]);
  },
  90_000,
);

test("its playlists are nothing to complain about", async () => {
  const multivariant = await fetchPlaylist(url);
  expect(checkMultivariant(multivariant)).toEqual([]);
  const playlists = [...mediaPlaylistsOf(multivariant, url).values()];
  expect(playlists).toHaveLength(3);
  for (const playlist of playlists) {
    expect(checkMediaPlaylist(await fetchPlaylist(playlist))).toEqual([]);
  }
});

test("the broadcaster reads what is missing", () => {
  const issues = node.control.progress.at(-1)?.issues;
  const sentence = expect.stringMatching(/high.* shows? the picture of (?:mid|low)/);
  expect(issues).toContainEqual(expect.objectContaining({ code: "MACHINE_BUSY", sentence }));
});
