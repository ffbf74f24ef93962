/**
 * The cases: each resolves with what was measured, or rejects with what is not as it should be.
 */
import assert from "node:assert/strict";
import type { LadderPolicy } from "#shared/contracts/broadcast.ts";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { countRecording } from "#test/helpers/count-recording.ts";
import { type Obs, startObs } from "#test/helpers/obs.ts";
import { until } from "#test/helpers/until.ts";
import type { Channel, Site } from "./site.ts";

export type Case = {
  readonly name: string;
  readonly run: (site: Site, seconds: number) => Promise<string>;
};

const FPS = 30;
/** Seconds of media that a killed node had read and not yet written, or that OBS had not yet sent. */
const MAX_UNDERWAY = 2;
const LIVE_MS = 20_000;
const END_MS = 10_000;
const REFUSED_MS = 1000;
/** OBS waits 2 s before it comes back, and longer after each attempt. */
const RECONNECT_MS = 60_000;

export const CASES: readonly Case[] = [
  { name: "keyframes every 2 s", run: (...args) => streamOnce(2, "auto", ...args) },
  { name: "OBS's default keyframes (8.3 s)", run: (...args) => streamOnce(0, "auto", ...args) },
  { name: "default keyframes, source alone", run: (...args) => streamOnce(0, "copy", ...args) },
  { name: "default keyframes, all encoded", run: (...args) => streamOnce(0, "encode", ...args) },
  { name: "a wrong key", run: useWrongKey },
  { name: "stop and start again", run: startAgain },
  { name: "all killed and started anew", run: surviveKill },
];

type Stage = {
  readonly channel: Channel;
  readonly video: VideoBody;
  readonly obs: Obs;
};

/** A channel with a video and an OBS that knows its key; OBS ends with `act`. */
async function withObs<T>(
  site: Site,
  keyframeSeconds: number,
  ladder: LadderPolicy,
  act: (stage: Stage) => Promise<T>,
): Promise<T> {
  const channel = await site.openChannel(ladder);
  const video = await channel.createVideo("By OBS");
  const { streamKey: key } = channel;
  const obs = await startObs({ server: site.rtmpUrl, key, keyframeSeconds });
  try {
    return await act({ channel, video, obs });
  } catch (error) {
    for (const { text } of obs.lines.slice(-30)) console.error(`  obs: ${text}`);
    for (const line of site.talk().split("\n").slice(-40)) console.error(`  sluice: ${line}`);
    console.error(`  states: ${JSON.stringify(obs.states)}`);
    throw error;
  } finally {
    await obs.stop();
  }
}

/** From "Start Streaming" to a playlist, ms. */
async function goLive({ obs, video }: Stage): Promise<number> {
  const startedAtMs = performance.now();
  await obs.start();
  await until(async () => (await fetch(video.playbackUrl)).ok, LIVE_MS);
  return performance.now() - startedAtMs;
}

async function untilSent({ obs }: Stage, seconds: number): Promise<void> {
  const isSent = async () => (await obs.status()).outputTotalFrames >= seconds * FPS;
  await until(isSent, 10_000 + seconds * 2000);
}

async function finish({ obs, channel, video }: Stage): Promise<number> {
  const counted = await obs.finish();
  await until(async () => (await channel.readVideo(video.id)).status === "ENDED", END_MS);
  return counted;
}

/** A machine that is too busy for the ladder leaves pictures out: then nothing here means anything. */
async function readRecording(site: Site, video: VideoBody) {
  const { complaints, renditions } = await countRecording({ url: video.playbackUrl });
  const said = site.talk().split("\n").filter((line) => line.includes(video.url));
  assert.ok(!said.some((line) => line.includes('"engine.dropping"')), "the machine is too busy");
  assert.deepEqual(complaints, []);
  return renditions;
}

async function streamOnce(
  keyframeSeconds: number,
  ladder: LadderPolicy,
  site: Site,
  seconds: number,
): Promise<string> {
  return await withObs(site, keyframeSeconds, ladder, async (stage) => {
    const liveMs = await goLive(stage);
    await untilSent(stage, seconds);
    const counted = await finish(stage);
    const renditions = await readRecording(site, stage.video);
    const { endReason } = await stage.channel.readBroadcast(stage.video.id);
    assert.equal(endReason, "publisher_stopped");
    const frames = renditions.map(({ name, frames }) => {
      // OBS counts what it drops as it stops.
      assert.ok(
        counted - frames === 0 || counted - frames === 1,
        `${name}: ${frames} of ${counted}`,
      );
      return `${name} ${frames}`;
    });
    return `live after ${inSeconds(liveMs)}; frames: OBS ${counted}, ${frames.join(", ")}`;
  });
}

async function useWrongKey(site: Site): Promise<string> {
  return await withObs(site, 2, "auto", async (stage) => {
    const { obs, channel } = stage;
    await obs.setTarget(site.rtmpUrl, "sk_wrong");
    await obs.start();
    const asked = await obs.hear("Connecting to RTMP URL", END_MS);
    const refused = await obs.hear("failed: -3", END_MS);
    const { text } = await obs.hear("NetStream.Publish.BadName", 0);
    await obs.reach("STOPPED", END_MS);
    assert.deepEqual(obs.states.map(({ name }) => name), ["STARTING", "STOPPED"]);
    assert.ok(refused.atMs - asked.atMs < REFUSED_MS, inSeconds(refused.atMs - asked.atMs));
    await obs.setTarget(site.rtmpUrl, channel.streamKey);
    await goLive(stage);
    await finish(stage);
    return `${inSeconds(refused.atMs - asked.atMs)}, "${text}"; then the right key goes live`;
  });
}

async function startAgain(site: Site, seconds: number): Promise<string> {
  return await withObs(site, 2, "auto", async (stage) => {
    const prepared = await stage.channel.createVideo("Prepared");
    await goLive(stage);
    await untilSent(stage, seconds / 4);
    await finish(stage);
    await goLive({ ...stage, video: prepared });
    await untilSent(stage, seconds / 4);
    await finish({ ...stage, video: prepared });
    await stage.obs.start();
    const made = await until(() => stage.channel.findRunning(), LIVE_MS);
    assert.ok(![stage.video.id, prepared.id].includes(made.id));
    assert.equal(made.title, prepared.title);
    await finish({ ...stage, video: made });
    return "the second into the video that was prepared, the third into a new one";
  });
}

async function surviveKill(site: Site, seconds: number): Promise<string> {
  return await withObs(site, 0, "auto", async (stage) => {
    const { obs, channel, video } = stage;
    await goLive(stage);
    await untilSent(stage, seconds);
    const { outputTotalFrames: first } = await obs.status();
    const killedAtMs = performance.now();
    await site.kill();
    await site.restart();
    const restartMs = performance.now() - killedAtMs;
    const lost = await obs.reach("RECONNECTING", RECONNECT_MS);
    const back = await obs.reach("RECONNECTED", RECONNECT_MS);
    // OBS counts from the connection on.
    await until(async () => (await obs.status()).outputTotalFrames < first, END_MS);
    await untilSent(stage, seconds);
    assert.equal((await channel.findRunning())?.id, video.id);
    const second = await finish(stage);
    const renditions = await readRecording(site, video);
    const frames = renditions.map(({ name, frames }) => {
      const missing = first + second - frames;
      assert.ok(missing < MAX_UNDERWAY * FPS, `${name}: ${frames} of ${first} and ${second}`);
      return `${name} ${frames}`;
    });
    const gone = `lost after ${inSeconds(lost.atMs - killedAtMs)}`;
    const again = `back after ${inSeconds(back.atMs - killedAtMs)} (restart ${
      inSeconds(restartMs)
    })`;
    const counted = `frames: OBS ${first} and ${second}, ${frames.join(", ")}`;
    return `${gone}, ${again}, same video; ${counted}`;
  });
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
