#!/usr/bin/env bun
/**
 * How long a viewer who waits on the watch page waits for the picture once the broadcaster publishes.
 *
 *   bun bench/startup/first-picture.ts [--rounds=3] [--against=<checkout>] [--ladders=auto,encode]
 *
 * From the first frame that was taken, the publisher's own encoder included, and from the moment the
 * server accepted the publish, to the first frame that Chromium shows; 720p30 with a keyframe every
 * 2 s. A player that knows nothing of parts is asked for as well: when its playlist is there. In
 * turns with the server of another checkout, when one is named. Medians.
 */
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import { createUser, type TestUser } from "#test/helpers/api-client.ts";
import { launchChromium } from "#test/helpers/chromium.ts";
import { type RunningSluice, startSluice } from "#test/helpers/sluice.ts";
import { until } from "#test/helpers/until.ts";
import { publishClock } from "../latency/publish-clock.ts";
import { installProbe, readProbe } from "../latency/page-probe.ts";
import { median } from "../tools/median.ts";

const WAITED_MS = 2000;
const PATIENCE_MS = 30_000;
const KEYFRAMES = 60;

type Waits = {
  /** From the first frame taken. */
  readonly takenMs: number;
  /** From the publish that was accepted. */
  readonly acceptedMs: number;
  /** The same for the first playlist of a player that knows nothing of parts. */
  readonly plainMs: number;
  /** Where the time goes: what the server said, in ms from the accepted publish. */
  readonly steps: Readonly<Record<string, number>>;
};

type Side = { readonly name: string; readonly sluice: RunningSluice; readonly user: TestUser };

const STEPS = ["publisher.accepted", "broadcast.started", "engine.started", "broadcast.playable"];

async function startSide(name: string, checkout: string | undefined): Promise<Side> {
  const env = { LOG_LEVEL: "debug" };
  const sluice = await startSluice({ env, ...(checkout !== undefined && { checkout }) });
  const user = await createUser(sluice.ready.api, name);
  await user.call("POST", "/user/channel");
  return { name, sluice, user };
}

/** When the server said `event` first in `talk`, Unix ms. */
function timesIn(talk: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const line of talk.split("\n")) {
    if (!line.startsWith("{")) continue;
    const { event, time } = JSON.parse(line) as { event: string; time: string };
    if (!times.has(event)) times.set(event, Date.parse(time));
  }
  return times;
}

/** When the first media playlist of a plain player was answered, Unix ms. */
async function plainAtMs(playbackUrl: string): Promise<number> {
  const multivariant = await until(async () => {
    const answer = await fetch(`${playbackUrl}?wait=YES`);
    return answer.ok ? await answer.text() : null;
  }, PATIENCE_MS);
  const uri = multivariant.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "";
  await until(async () => (await fetch(new URL(uri, playbackUrl))).ok, PATIENCE_MS);
  return Date.now();
}

async function measureRound(
  { sluice, user }: Side,
  { browser, ladder }: { browser: Browser; ladder: string },
): Promise<Waits> {
  await user.call("PATCH", "/user/channel", { ladder });
  const channel = await user.call<{ streamKey: string }>("GET", "/user/channel");
  const video = await user.call<{ url: string; playbackUrl: string }>(
    "POST",
    "/user/channel/videos",
    { title: "First picture" },
  );
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await installProbe(page);
  await page.goto(new URL(`/watch/${video.body.url}`, sluice.ready.api).href);
  await Bun.sleep(WAITED_MS);
  const said = sluice.talk().length;
  const publisher = await publishClock(`${sluice.ready.rtmp}/${channel.body.streamKey}`, KEYFRAMES);
  try {
    const [shownAtMs, plainMs] = await Promise.all([
      until(async () => (await readProbe(page)).firstFrameAtMs, PATIENCE_MS),
      plainAtMs(video.body.playbackUrl),
    ]);
    const times = timesIn(sluice.talk().slice(said));
    const acceptedAtMs = times.get("publisher.accepted") ?? Number.NaN;
    const steps = STEPS.map((step) => [step, (times.get(step) ?? Number.NaN) - acceptedAtMs]);
    return {
      takenMs: shownAtMs - publisher.firstFrameAtMs,
      acceptedMs: shownAtMs - acceptedAtMs,
      plainMs: plainMs - acceptedAtMs,
      steps: Object.fromEntries(steps) as Record<string, number>,
    };
  } finally {
    await page.close();
    await publisher.stop();
    await until(async () => {
      const state = await user.call<{ status: string }>("GET", `/videos/${video.body.url}`);
      return state.body.status === "ENDED";
    }, PATIENCE_MS);
  }
}

const FIGURES = ["takenMs", "acceptedMs", "plainMs"] as const;
const LABELS = {
  takenMs: "first frame taken → picture",
  acceptedMs: "publish accepted → picture",
  plainMs: "publish accepted → playlist of a plain player",
};

function print(ladder: string, ours: readonly Waits[], others: readonly Waits[]): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  for (const figure of FIGURES) {
    const pick = (waits: readonly Waits[]) => median(waits.map((wait) => wait[figure]));
    const spread = ours.map((wait) => (wait[figure] / 1000).toFixed(2)).join(" ");
    const beside = others.length === 0
      ? ""
      : `, ${seconds(pick(others))} there: ratio ${(pick(ours) / pick(others)).toFixed(2)}`;
    console.log(`${ladder}: ${LABELS[figure]} ${seconds(pick(ours))} (${spread})${beside}`);
  }
  for (const step of STEPS) {
    const at = (waits: readonly Waits[]) => median(waits.map(({ steps }) => steps[step] ?? NaN));
    const beside = others.length === 0 ? "" : `, ${at(others)} ms there`;
    console.log(`${ladder}:   ${step} +${at(ours)} ms${beside}`);
  }
}

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    against: { type: "string" },
    ladders: { type: "string", default: "auto,encode" },
  },
});
const browser = await launchChromium();
const ours = await startSide("ours", undefined);
const other = flags.against === undefined ? null : await startSide("other", flags.against);
try {
  for (const ladder of flags.ladders.split(",")) {
    const waits: { ours: Waits[]; others: Waits[] } = { ours: [], others: [] };
    for (let round = 0; round < Number(flags.rounds); round += 1) {
      if (other !== null) waits.others.push(await measureRound(other, { browser, ladder }));
      waits.ours.push(await measureRound(ours, { browser, ladder }));
    }
    print(ladder, waits.ours, waits.others);
  }
} finally {
  await browser.close();
  await ours.sluice.stop();
  await other?.sluice.stop();
}
