/**
 * How long until there is a picture, and what waiting for one costs.
 *
 *   bun bench/startup/main.ts
 *
 * Real processes, three rounds each, medians. Nothing is compared: these are waits of a person, so
 * the figures are absolute and belong to the machine they were taken on.
 */
import type { Browser } from "playwright-core";
import { createUser } from "#test/helpers/api-client.ts";
import { launchChromium, samplePlayback } from "#test/helpers/chromium.ts";
import { startPublish } from "#test/helpers/publish.ts";
import { startSluice } from "#test/helpers/sluice.ts";
import { until } from "#test/helpers/until.ts";
import { median } from "../tools/median.ts";
import { measureTreeMemoryBytes } from "../tools/process-tree.ts";

const ROUNDS = 3;
const SETTLE_MS = 5000;

type Figures = {
  readonly readyMs: number;
  readonly idleBytes: number;
  readonly publishToPlaylistMs: number;
  readonly publishToFirstFrameMs: number;
};

async function measurePublish(browser: Browser, name: string): Promise<Figures> {
  const sluice = await startSluice();
  try {
    await Bun.sleep(SETTLE_MS);
    const idleBytes = await measureTreeMemoryBytes(sluice.ready.pids.sluice ?? 0);
    const user = await createUser(sluice.ready.api, name);
    const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
    const video = await user.call<{ url: string; playbackUrl: string }>(
      "POST",
      "/user/channel/videos",
      { title: "Start-up" },
    );
    const page = await browser.newPage();
    await page.goto(new URL(`/watch/${video.body.url}`, sluice.ready.api).href);
    const publishedAtMs = performance.now();
    const publish = startPublish(`${sluice.ready.rtmp}/${channel.body.streamKey}`);
    const since = async (condition: () => Promise<unknown>) => {
      await until(condition, 30_000);
      return performance.now() - publishedAtMs;
    };
    const [publishToPlaylistMs, publishToFirstFrameMs] = await Promise.all([
      since(async () => (await fetch(video.body.playbackUrl)).ok),
      since(() => samplePlayback(page)),
    ]);
    await page.close();
    await publish.stop();
    return { readyMs: sluice.startedInMs, idleBytes, publishToPlaylistMs, publishToFirstFrameMs };
  } finally {
    await sluice.stop();
  }
}

/** From `sluice dev --demo` to a moving picture of it in a browser that is open already. */
async function measureDemo(browser: Browser): Promise<number> {
  const startedAtMs = performance.now();
  const sluice = await startSluice({ flags: ["--demo"] });
  try {
    const page = await browser.newPage();
    await page.goto(new URL(sluice.ready.watch ?? "/", sluice.ready.api).href);
    await until(() => samplePlayback(page), 30_000);
    const elapsedMs = performance.now() - startedAtMs;
    await page.close();
    return elapsedMs;
  } finally {
    await sluice.stop();
  }
}

const browser = await launchChromium();
const publishes: Figures[] = [];
const demosMs: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  publishes.push(await measurePublish(browser, `round${round}`));
  demosMs.push(await measureDemo(browser));
}
await browser.close();

const seconds = (values: readonly number[]) => `${(median(values) / 1000).toFixed(2)} s`;
const pick = (name: keyof Figures) => publishes.map((figures) => figures[name]);
console.log(`sluice dev ready                       ${seconds(pick("readyMs"))}`);
console.log(
  `idle memory of the process tree        ${
    (median(pick("idleBytes")) / 2 ** 20).toFixed(0)
  } MiB (target 300 MB)`,
);
console.log(
  `publish → multivariant playlist        ${seconds(pick("publishToPlaylistMs"))} (target 3 s)`,
);
console.log(
  `publish → first frame in Chromium      ${seconds(pick("publishToFirstFrameMs"))} (target 4 s)`,
);
console.log(`sluice dev --demo → picture in Chromium ${seconds(demosMs)} (target 6 s)`);
