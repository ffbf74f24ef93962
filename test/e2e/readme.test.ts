/**
 * The README's commands, as they stand there, in a shell of their own: only the addresses are those of
 * a `sluice dev` on free ports.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { probeDurations } from "../helpers/ffmpeg.ts";
import { cleanEnvironment, type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const run = promisify(execFile);
const ROOT = process.cwd();
/** Long enough for the clip that the README makes. */
const BROADCAST_S = 31;
/** What a publisher beside all the others cannot help. */
const OF_A_BUSY_MACHINE = new Set(["MACHINE_BUSY", "UPLOAD_SLOW", "FPS_UNSTEADY"]);

let sluice: RunningSluice;
let readme: string;
let folder: string;
const publishers: ChildProcess[] = [];
/** What the reader's shell knows. */
const shell: Record<string, string> = {};

beforeAll(async () => {
  readme = await readFile("README.md", "utf8");
  folder = await mkdtemp(join(tmpdir(), "sluice-readme-"));
  const create = { width: 320, height: 320, channels: 3, background: "#c33" } as const;
  await writeFile(join(folder, "me.jpg"), await sharp({ create }).jpeg().toBuffer());
  sluice = await startSluice();
}, 90_000);

afterAll(async () => {
  for (const publisher of publishers) publisher.kill();
  await sluice?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

/** The shell commands below a heading, block by block. */
function commandsOf(heading: string): string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return Array.from(section.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = ""]) => here(block));
}

/** `text` with the addresses of this run. */
function here(text: string): string {
  const { api, rtmp, hls } = sluice.ready;
  return text.replaceAll("http://localhost:8000", api)
    .replaceAll("http://localhost:8080", hls)
    .replaceAll("rtmp://localhost:1935/streaming", rtmp);
}

const environment = () => ({ ...cleanEnvironment(), ...shell });

async function bash(script: string, cwd = folder): Promise<string> {
  const options = { cwd, env: environment() };
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], options);
  return stdout;
}

/** The JSON documents that `curl -s` printed one behind the other. */
function documentsOf(output: string): Record<string, unknown>[] {
  const lines = output.trim().replaceAll(/\}\s*\{/g, "}\n{").split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const storedName = async () =>
  (await readdir(folder)).find((name) => name.endsWith(".mp4")) ?? expect.unreachable("no MP4");

test("the journey: an account, a channel, a video and a picture", async () => {
  const [journey = ""] = commandsOf("The journey");
  const names = ["API", "JSON", "AUTH", "STREAM_KEY", "VIDEO_ID"];
  const output = await bash(
    `${journey}\necho\n${names.map((name) => `echo "$${name}"`).join("\n")}`,
  );
  const lines = output.trim().split("\n");
  // What a later block of the README uses is what this one has set.
  const values = lines.splice(-names.length);
  Object.assign(shell, Object.fromEntries(names.map((name, at) => [name, values[at]])));
  expect(shell["STREAM_KEY"]).toMatch(/^sk_/);
  const [user, video, picture] = documentsOf(lines.join("\n"));
  expect(user).toMatchObject({ username: "ada" });
  expect(video).toMatchObject({ id: shell["VIDEO_ID"], title: "First show", status: "CREATED" });
  expect(picture).not.toHaveProperty("code");
  shell["URL"] = String(video?.["url"]);
});

test("ffmpeg publishes, the probe finds nothing to complain about", async () => {
  const [, publish = ""] = commandsOf("The journey");
  const script = `exec ${publish.replace("ffmpeg -re", `ffmpeg -nostdin -loglevel error -re`)}`;
  const options = { cwd: folder, env: environment(), stdio: "ignore" } as const;
  const publisher = spawn("bash", ["-euc", script], options);
  publishers.push(publisher);
  const playlist = `${sluice.ready.hls}/hls-live/${shell["URL"]}.m3u8`;
  await until(async () => (await fetch(playlist)).ok, 20_000);
  const startedMs = performance.now();
  const [, probe = ""] = /`(npm run sluice -- probe [^`]*)`/.exec(readme) ?? [];
  expect(await bash(here(probe).replace("<url>", shell["URL"] ?? ""), ROOT)).toContain(
    "conformant",
  );
  await until(() => performance.now() - startedMs > BROADCAST_S * 1000, BROADCAST_S * 1000);
  const own = await fetch(`${shell["API"]}/user/channel/broadcast`, {
    headers: { authorization: (shell["AUTH"] ?? "").replace(/^authorization: /i, "") },
  });
  const { issues } = await own.json() as { issues: { code: string }[] };
  expect(issues.map(({ code }) => code).filter((code) => !OF_A_BUSY_MACHINE.has(code))).toEqual([]);
  publisher.kill("SIGINT");
  const watch = await fetch(`${sluice.ready.api}/watch/${shell["URL"]}`);
  expect(watch.status).toBe(200);
}, 90_000);

test("the recording's MP4, a clip and how long it is kept", async () => {
  const [block = ""] = commandsOf("Recordings");
  const [assignment = "", ask = "", look = "", fetchFile = "", ...others] = block.trim().split(
    "\n",
  );
  const inShell = (command: string) => bash(`${assignment}\n${command}`);
  const answer = async (command: string) => documentsOf(await inShell(command))[0];
  await until(async () => (await answer(ask))?.["status"] === "pending", 20_000);
  await until(async () => (await answer(look))?.["url"], 20_000);
  await inShell(fetchFile);
  const { durationS } = await probeDurations(join(folder, await storedName()));
  expect(durationS).toBeGreaterThan(BROADCAST_S - 3);
  const [clip, channel] = documentsOf(await inShell(others.join("\n")));
  expect((await fetch(String(clip?.["playbackUrl"]))).status).toBe(200);
  expect(channel).toMatchObject({ retentionDays: 30 });
}, 60_000);
