/**
 * The command as a process: what it prints where, and its exit codes.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve, type Served } from "#test/helpers/serve.ts";
import { cleanEnvironment, type RunningSluice, startSluice } from "#test/helpers/sluice.ts";
import { until } from "#test/helpers/until.ts";

type Ended = { readonly code: number | null; readonly out: string; readonly talk: string };

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-cli-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function runSluice(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ["cli/main.ts", ...args], {
    env: { ...cleanEnvironment(), SLUICE_DATA_DIR: directory, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, talk] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => talk += text);
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, talk })));
}

/** Nothing that only a terminal or a programmer could want. */
function expectPlain({ out, talk }: Ended): void {
  // oxlint-disable-next-line no-control-regex -- escapes are what must not be there
  expect(out + talk).not.toMatch(/\u001b/);
  expect(out + talk).not.toMatch(/^\s+at .+:\d+/m);
}

describe("wrong command lines end with 2", () => {
  test.each([
    [["dev", "--nonsense"], "--nonsense"],
    [["nonsense"], "nonsense"],
    [["db", "nonsense"], "nonsense"],
    [["version", "surplus"], "argument"],
    [["probe"], "url"],
    [["probe", "ftp://host/x.m3u8"], "http://host/stream.m3u8"],
    [["probe", "http://host/x.m3u8", "--seconds", "0"], "1…600"],
  ])("%j", async (args, named) => {
    const ended = await runSluice(args);
    expect(ended.code).toBe(2);
    expect(ended.out).toBe("");
    expect(ended.talk).toContain(named);
    expectPlain(ended);
  });
});

test("bad settings are reported all at once, each with what was expected, and end with 2", async () => {
  const env = { API_PORT: "ninety", AMQP_URL: "http://x", LADDER: "huge", LOG_LEVEL: "loud" };
  const ended = await runSluice(["dev", "--rtmp-port", "99999"], env);
  expect(ended.code).toBe(2);
  expect(ended.talk).toContain("API_PORT: expected a port 0…65535");
  expect(ended.talk).toContain("RTMP_PORT: expected a port 0…65535");
  expect(ended.talk).toContain("AMQP_URL: expected a URL starting with amqp://");
  expect(ended.talk).toContain("LADDER: expected name=pixels@kbit/s");
  expect(ended.talk).toContain("LOG_LEVEL:");
  expectPlain(ended);
});

test("a taken port names its holder and the flag that moves ours, and ends with 1", async () => {
  const holder = await listen();
  try {
    const flags = ["--api-port", "0", "--rtmp-port", String(holder.port), "--hls-port", "0"];
    const ended = await runSluice(["dev", ...flags]);
    expect(ended.code).toBe(1);
    expect(ended.out).toBe("");
    expect(ended.talk).toContain(`port ${holder.port}: taken by`);
    expect(ended.talk).toContain(`(pid ${process.pid})`);
    expect(ended.talk).toContain("--rtmp-port");
    expectPlain(ended);
  } finally {
    holder.server.close();
  }
});

test("a missing ffmpeg is named with what to run, and ends with 5", async () => {
  const path = join(directory, "nowhere/ffmpeg");
  const ended = await runSluice(["dev", ...FREE_PORTS, "--ffmpeg-path", path]);
  expect(ended.code).toBe(5);
  expect(ended.talk).toContain(`ffmpeg: ${path} is not there or does not run`);
  expect(ended.talk).toMatch(/→ .*install.*ffmpeg/);
  expectPlain(ended);
});

test("version prints the version, as JSON when asked", async () => {
  expect((await runSluice(["version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  const ended = await runSluice(["version", "--json"]);
  expect(JSON.parse(ended.out)).toMatchObject({ bun: expect.any(String) as string });
});

test("doctor lists every part as JSON", async () => {
  const ended = await runSluice(["doctor", "--json", ...FREE_PORTS]);
  expect(ended.code).toBe(0);
  const names = (JSON.parse(ended.out) as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(["runtime", "ffmpeg", "storage", "database", "queue"]);
});

test("db migrate runs what is pending on the embedded database, db status tells when", async () => {
  const flags = ["--json", "--data-dir", join(directory, "db")];
  const migrated = await runSluice(["db", "migrate", ...flags]);
  expect(migrated).toMatchObject({ code: 0 });
  const { applied } = JSON.parse(migrated.out) as { applied: string[] };
  expect(applied.length).toBeGreaterThan(0);
  const status = await runSluice(["db", "status", ...flags]);
  const listed = JSON.parse(status.out) as { name: string; appliedAt: string | null }[];
  expect(listed.map(({ name }) => name)).toEqual(applied);
  expect(listed.every(({ appliedAt }) => appliedAt !== null)).toBe(true);
}, 60_000);

test("an unreachable DATABASE_URL is one line and ends with 1", async () => {
  const free = await listen();
  free.server.close();
  const url = `postgres://sluice:hidden@127.0.0.1:${free.port}/sluice`;
  const ended = await runSluice(["db", "status"], { DATABASE_URL: url });
  expect(ended.code).toBe(1);
  expect(ended.talk.trim().split("\n")).toHaveLength(1);
  expect(ended.talk).not.toContain("hidden");
  expectPlain(ended);
});

describe("dev", () => {
  let sluice: RunningSluice;
  beforeAll(async () => {
    sluice = await startSluice({ dataDirectory: join(directory, "dev") });
  }, 60_000);
  afterAll(() => sluice.kill());

  test("everything it names answers", async () => {
    const { api, hls } = sluice.ready;
    const paths = ["/", "/docs", "/openapi.json", "/livez", "/readyz"];
    const answers = await Promise.all(paths.map((path) => fetch(new URL(path, api))));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await fetch(new URL("/hls-live/abcdefghijkl.m3u8", hls))).status).toBe(404);
    expect(sluice.ready).toMatchObject({ watch: null, demo: null });
  });

  test("the secret is made with mode 0600 and shown to nobody", async () => {
    const path = join(sluice.dataDirectory, "secret");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const secret = (await Bun.file(path).text()).trim();
    expect(secret.length).toBeGreaterThanOrEqual(32);
    expect(sluice.talk()).not.toContain(secret);
  });

  test("a signal that arrives twice, as behind npm, drains once and leaves no process", async () => {
    const pids = Object.values(sluice.ready.pids);
    process.kill(sluice.ready.pids["sluice"] ?? 0, "SIGTERM");
    expect(await sluice.stop()).toBe(0);
    await until(() => pids.every((pid) => !isAlive(pid)), 5000);
  });
});

const FREE_PORTS = ["--api-port", "0", "--rtmp-port", "0", "--hls-port", "0"];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function listen(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve({ server, port: typeof address === "object" && address !== null ? address.port : 0 });
    });
  });
}

describe("probe", () => {
  const playlist = [
    ...["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:2", "#EXT-X-PLAYLIST-TYPE:VOD"],
    ...[
      "#EXT-X-MEDIA-SEQUENCE:0",
      "#EXTINF:2,",
      "a.ts",
      "#EXTINF:4,",
      "b.ts",
      "#EXT-X-ENDLIST",
      "",
    ],
  ].join("\n");
  const good = playlist.replace("EXTINF:4", "EXTINF:2");
  let stream: Served;
  beforeAll(() => {
    const files: Record<string, string> = { "/good.m3u8": good, "/bad.m3u8": playlist };
    stream = serve((request) => {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith(".ts")) return new Response("media");
      const text = files[pathname];
      return new Response(text ?? "", { status: text === undefined ? 404 : 200 });
    });
  });
  afterAll(() => stream.stop());

  test("a stream that keeps the rules ends with 0, as JSON if asked", async () => {
    const ended = await runSluice(["probe", `${stream.url}/good.m3u8`, "--json"]);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({ isConformant: true, isLive: false });
    expectPlain(ended);
  });

  test("one that does not ends with 1; what is none ends with 3, no answer with 6", async () => {
    const bad = await runSluice(["probe", `${stream.url}/bad.m3u8`]);
    expect(bad.code).toBe(1);
    expect(bad.out).toContain("segment 1 lasts 4 s, the target is 2");
    expectPlain(bad);
    const missing = await runSluice(["probe", `${stream.url}/none.m3u8`]);
    expect(missing).toMatchObject({ code: 3, out: "" });
    expect(missing.talk).toContain("answered 404");
    expect(missing.talk).toContain("after its end only what was recorded");
    const page = await runSluice(["probe", `${stream.url}/page.ts`]);
    expect(page).toMatchObject({ code: 3, out: "" });
    expect(page.talk).toContain("is not a playlist");
    const refused = await runSluice(["probe", "http://127.0.0.1:1/x.m3u8"]);
    expect(refused).toMatchObject({ code: 6, out: "" });
    expect(refused.talk).toContain("cannot be reached");
  });
});
