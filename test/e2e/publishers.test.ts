/**
 * Publishers that are no encoders of ours: the commands of docs/publishers.md as they stand there,
 * with the addresses of this run, send a film with H.264 and AAC to the whole product.
 */
import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BroadcastBody } from "#shared/contracts/broadcasts.ts";
import type { VideoBody } from "#shared/contracts/videos.ts";
import { createUser, type TestUser } from "../helpers/api-client.ts";
import { countRecording } from "../helpers/count-recording.ts";
import { patternArgs, probePackets, runForOutput } from "../helpers/ffmpeg.ts";
import { asAnybody } from "../helpers/players.ts";
import { cleanEnvironment, type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const FILM = { seconds: 12, fps: 30, keyframeSeconds: 2 };
const FRAMES = FILM.seconds * FILM.fps;
const AUDIO_FRAMES = Math.floor(FILM.seconds * 48_000 / 1024);
/** From the program's exit to the end: the recording finished, and 3 s at most for its thumbnail. */
const END_MS = 5000;

let sluice: RunningSluice;
let document: string;
let folder: string;

beforeAll(async () => {
  document = await readFile("docs/publishers.md", "utf8");
  folder = await mkdtemp(join(tmpdir(), "sluice-publishers-"));
  await chmod(folder, 0o755); // VLC reads it as nobody
  const args = patternArgs(FILM).slice(0, -2);
  await runForOutput("ffmpeg", ["-v", "error", ...args, join(folder, "film.mp4")]);
  sluice = await startSluice({ env: { LADDER: "low=90@150,mid=180@600" } });
}, 90_000);

afterAll(async () => {
  await sluice?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

/** The document's command that begins with `program`. */
function commandOf(program: string): string {
  const blocks = Array.from(document.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = ""]) => block);
  const command = blocks.find((block) => block.startsWith(program)) ?? "";
  expect(command).toContain("$STREAM_KEY");
  // A machine without "::1 localhost" asks its name server, which may take its time.
  const address = sluice.ready.rtmp.replace("localhost", "127.0.0.1");
  return command.replaceAll("rtmp://localhost:1935/streaming", address);
}

type Ended = { readonly code: number | null; readonly said: string; readonly atMs: number };

function run(command: string, streamKey: string): { ended: Promise<Ended>; kill: () => void } {
  const [program, args] = asAnybody("bash", ["-euc", `exec ${command}`]);
  const env = {
    ...cleanEnvironment(),
    STREAM_KEY: streamKey,
    HOME: "/nonexistent",
    XDG_RUNTIME_DIR: "/nonexistent",
  };
  const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (bytes) => said += String(bytes));
  child.stderr.on("data", (bytes) => said += String(bytes));
  const ended = new Promise<Ended>((resolve) => {
    child.once("error", ({ message }) => resolve({ code: null, said: message, atMs: 0 }));
    child.once("close", (code) => resolve({ code, said, atMs: performance.now() }));
  });
  return { ended, kill: () => void child.kill("SIGKILL") };
}

async function openChannel(username: string) {
  const user = await createUser(sluice.ready.api, username);
  const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
  const { body } = await user.call<VideoBody>("POST", "/user/channel/videos", { title: "A film" });
  return { user, video: body, streamKey: channel.body.streamKey };
}

const readVideo = async (user: TestUser, { id }: VideoBody) =>
  (await user.call<VideoBody>("GET", `/user/channel/videos/${id}`)).body;

test.concurrent.each([["GStreamer", "gst-launch-1.0"], ["VLC", "cvlc"]])(
  "%s: a film of 12 s arrives whole, with picture and sound, and its end ends",
  async (name, program) => {
    const { user, video, streamKey } = await openChannel(name);
    const { playbackUrl } = video;
    const publisher = run(commandOf(program), streamKey);
    try {
      await until(async () => (await readVideo(user, video)).status === "RUNNING", 20_000);
      await until(async () => (await fetch(playbackUrl)).ok, 20_000);
      const live = ["-live_start_index", "0", "-read_intervals", "%+2"];
      for (const stream of ["v:0", "a:0"]) {
        expect((await probePackets(playbackUrl, stream, live)).length).toBeGreaterThan(30);
      }
      const { code, said, atMs } = await publisher.ended;
      expect({ code, said: code === 0 ? "" : said }).toEqual({ code: 0, said: "" });
      await until(async () => (await readVideo(user, video)).status === "ENDED", 10_000);
      expect(performance.now() - atMs).toBeLessThan(END_MS);
    } finally {
      publisher.kill();
    }
    const path = `/user/channel/videos/${video.id}/broadcast`;
    expect((await user.call<BroadcastBody>("GET", path)).body.endReason).toBe("publisher_stopped");
    const { complaints, renditions } = await countRecording({ url: playbackUrl });
    expect(complaints).toEqual([]);
    expect(renditions).toHaveLength(2);
    for (const { frames, audioFrames } of renditions) {
      expect(frames).toBe(FRAMES);
      expect(Math.abs(audioFrames - AUDIO_FRAMES)).toBeLessThanOrEqual(3);
    }
  },
  60_000,
);
