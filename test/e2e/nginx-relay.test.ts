/**
 * nginx-rtmp in front of a media node, with the configuration of docs/nginx-rtmp.md as it stands there:
 * only the addresses are those of this run. What is published was encoded before, so that nginx joins
 * in the middle of a group of pictures.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import { probePackets, type Publish, publishArgs, recordFlv } from "../helpers/ffmpeg.ts";
import { findFreePort } from "../helpers/free-port.ts";
import { type Nginx, startNginx, startNginxWith } from "../helpers/nginx.ts";
import { type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const SECRET = "a-secret-of-your-own";
const KEYFRAMES_S = [0.5, 2, 4, 8];
/** From the word of nginx to the end: the recording finished, and 3 s at most for its thumbnail. */
const END_MS = 5000;

type Video = { readonly status: string; readonly playbackUrl: string; readonly url: string };
type Lane = {
  readonly user: TestUser;
  readonly streamKey: string;
  readonly videoPath: string;
  readonly playbackUrl: string;
  readonly publishUrl: string;
  readonly file: string;
};

let sluice: RunningSluice;
let nginx: Nginx;
/** One that is answered with a redirect to itself, and pushes to the media node besides. */
let redirected: Nginx;
let folder: string;
const lanes = new Map<number, Lane>();
const publishers = new Map<number, Publish>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-relay-"));
  const ports = { nginx: await findFreePort(), node: await findFreePort() };
  const redirectedPort = await findFreePort();
  sluice = await startSluice({
    env: {
      NGINX_RTMP_SECRET: SECRET,
      RTMP_PORT: String(ports.node),
      PUBLIC_RTMP_URL: `rtmp://127.0.0.1:${redirectedPort}/streaming`,
    },
  });
  const callback = (name: string) => `${apiUrl()}/channel/streamKey/${name}?secret=${SECRET}`;
  redirected = await startNginx({
    port: redirectedPort,
    verifyUrl: callback("verify"),
    endUrl: callback("end"),
    pushUrl: `rtmp://127.0.0.1:${ports.node}/streaming`,
  });
  nginx = await startNginxWith(await readConfig(ports), ports.nginx);
  for (const keyframeSeconds of KEYFRAMES_S) {
    const lane = await openLane(keyframeSeconds);
    lanes.set(keyframeSeconds, lane);
    publishers.set(keyframeSeconds, publish(lane));
  }
}, 120_000);

afterAll(async () => {
  for (const publisher of publishers.values()) await publisher.kill();
  await nginx?.stop();
  await redirected?.stop();
  await sluice?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

const apiUrl = () => sluice.ready.api.replace("localhost", "127.0.0.1");

/** The block of the document, with the addresses of this run. */
async function readConfig(ports: { nginx: number; node: number }): Promise<string> {
  const document = await readFile("docs/nginx-rtmp.md", "utf8");
  const [, config = ""] = /^```nginx\n(.*?)^```$/ms.exec(document) ?? [];
  expect(config).toContain(SECRET);
  return config
    .replace("listen 1935;", `listen 127.0.0.1:${ports.nginx};`)
    .replaceAll("http://127.0.0.1:8000", apiUrl())
    .replace("127.0.0.1:1936", `127.0.0.1:${ports.node}`);
}

async function openLane(keyframeSeconds: number): Promise<Lane> {
  const user = await createUser(sluice.ready.api, `relay-${keyframeSeconds * 10}`);
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const created = await user.call<Video & { id: string }>("POST", "/user/channel/videos", {
    title: "Through nginx",
  });
  const file = join(folder, `${keyframeSeconds}.flv`);
  await writeFile(file, await recordFlv({ seconds: 60, keyframeSeconds }));
  return {
    user,
    file,
    streamKey: channel.body.streamKey,
    videoPath: `/user/channel/videos/${created.body.id}`,
    playbackUrl: created.body.playbackUrl,
    publishUrl: `${nginx.rtmpUrl}/${channel.body.streamKey}`,
  };
}

const publish = ({ file, publishUrl }: Pick<Lane, "file" | "publishUrl">) =>
  publishArgs(["-re", "-i", file, "-c", "copy", "-f", "flv", publishUrl]);

const read = async ({ user, videoPath }: Lane) => (await user.call<Video>("GET", videoPath)).body;

async function countPackets(url: string, stream: string): Promise<number> {
  const options = ["-live_start_index", "0", "-read_intervals", "%+4"];
  return (await probePackets(url, stream, options)).length;
}

test.each(KEYFRAMES_S)(
  "keyframes every %s s: picture and sound arrive, and end ends",
  async (keyframeSeconds) => {
    const lane = lanes.get(keyframeSeconds);
    const publisher = publishers.get(keyframeSeconds);
    if (lane === undefined || publisher === undefined) throw new Error("nothing was published");
    await until(async () => (await read(lane)).status === "RUNNING", 20_000);
    await until(async () => (await fetch(lane.playbackUrl)).ok, 20_000);
    await until(async () => await countPackets(lane.playbackUrl, "v:0") > 30, 20_000);
    expect(await countPackets(lane.playbackUrl, "a:0")).toBeGreaterThan(30);

    const { code } = await publisher.stop();
    expect(code).toBe(0);
    const stoppedAtMs = performance.now();
    await until(async () => (await read(lane)).status === "ENDED", 10_000);
    expect(performance.now() - stoppedAtMs).toBeLessThan(END_MS);
  },
  90_000,
);

test.each([
  ["the documented set-up", () => nginx],
  ["a set-up that is redirected to itself", () => redirected],
])("%s: who comes back after the end gets a broadcast of its own", async (_what, through) => {
  const lane = lanes.get(0.5);
  if (lane === undefined) throw new Error("no lane");
  const publisher = publish({ ...lane, publishUrl: `${through().rtmpUrl}/${lane.streamKey}` });
  try {
    const video = await until(() => findRunning(lane.user), 20_000);
    await until(async () => (await fetch(video.playbackUrl)).ok, 20_000);
    // nginx tells an end without a goodbye as well.
    await publisher.kill();
    await until(async () => await findRunning(lane.user) === undefined, END_MS);
  } finally {
    await publisher.kill();
  }
}, 60_000);

test("a wrong key: the encoder sees a broken connection, the API's log the reason", async () => {
  const lane = lanes.get(0.5);
  if (lane === undefined) throw new Error("no lane");
  const { exited } = publish({ ...lane, publishUrl: `${nginx.rtmpUrl}/sk_wrongwrongwrong` });
  const { code, stderr } = await exited;
  expect(code).not.toBe(0);
  expect(stderr).toContain("Input/output error");
  const document = await readFile("docs/nginx-rtmp.md", "utf8");
  for (const word of ["Input/output error", "publisher.refused"]) expect(document).toContain(word);
  await until(() => /publisher\.refused.*UNKNOWN_STREAM_KEY/.test(sluice.talk()), 5000);
}, 30_000);

async function findRunning(user: TestUser): Promise<Video | undefined> {
  const { body } = await user.call<Video[]>("GET", "/user/channel/videos");
  return body.find(({ status }) => status === "RUNNING");
}
