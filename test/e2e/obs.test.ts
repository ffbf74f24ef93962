/**
 * OBS Studio as its users have it, against the whole product: the right key and a wrong one. What else
 * OBS does is measured by `bench/publishers/main.ts`.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import { countRecording } from "../helpers/count-recording.ts";
import { probePackets } from "../helpers/ffmpeg.ts";
import { type Obs, startObs } from "../helpers/obs.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

/** More than one of OBS's default groups of pictures, which last 8.3 s. */
const FRAMES = 300;
const FPS = 30;
const REFUSED_MS = 1000;

let sluice: RunningSluice;
let user: TestUser;
let obs: Obs;
let video: VideoBody;

beforeAll(async () => {
  sluice = await startSluice({ env: { LADDER: "low=90@150,mid=180@600" } });
  user = await createUser(sluice.ready.api, "obs");
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const created = await user.call<VideoBody>("POST", "/user/channel/videos", { title: "By OBS" });
  video = created.body;
  const key = channel.body.streamKey;
  obs = await startObs({ server: sluice.ready.rtmp, key, keyframeSeconds: 0, isStreaming: true });
}, 120_000);

afterAll(async () => {
  await obs?.stop();
  await sluice?.stop();
}, 30_000);

const readVideo = async () =>
  (await user.call<VideoBody>("GET", `/user/channel/videos/${video.id}`)).body;

test("the right key: picture and sound are live, and every frame is recorded", async () => {
  await until(async () => (await readVideo()).status === "RUNNING", 20_000);
  await until(async () => (await fetch(video.playbackUrl)).ok, 20_000);
  const live = ["-live_start_index", "0", "-read_intervals", "%+2"];
  for (const stream of ["v:0", "a:0"]) {
    expect((await probePackets(video.playbackUrl, stream, live)).length).toBeGreaterThan(30);
  }
  await until(async () => (await obs.status()).outputTotalFrames > FRAMES, 40_000);
  const counted = await obs.finish();
  await until(async () => (await readVideo()).status === "ENDED", 10_000);
  // No hole and nothing that begins at unequal times, in two renditions.
  const { complaints, renditions } = await countRecording({ url: video.playbackUrl });
  expect(complaints).toEqual([]);
  expect(renditions).toHaveLength(2);
  for (const { frames, audioFrames } of renditions) {
    expect(counted - frames).toBeOneOf([0, 1]);
    expect(Math.abs(audioFrames * 1024 / 48_000 - frames / FPS)).toBeLessThan(0.3);
  }
}, 90_000);

test("a wrong key: refused in words within a second, and OBS does not try again", async () => {
  const [fromState, fromLine] = [obs.states.length, obs.lines.length];
  await obs.setTarget(sluice.ready.rtmp, "sk_wrong");
  await obs.start();
  const asked = await obs.hear("Connecting to RTMP URL", 10_000, fromLine);
  const refused = await obs.hear("failed: -3", 10_000, fromLine);
  expect(refused.atMs - asked.atMs).toBeLessThan(REFUSED_MS);
  await obs.hear("No channel has this stream key", 0, fromLine);
  await obs.reach("STOPPED", 10_000, fromState);
  expect(obs.states.slice(fromState).map(({ name }) => name)).toEqual(["STARTING", "STOPPED"]);
  expect(await obs.status()).toMatchObject({ outputActive: false, outputReconnecting: false });
  const refusals = sluice.talk().match(/"event":"publisher.refused".*"code":"BadName"/g);
  expect(refusals).toHaveLength(1);
}, 30_000);
