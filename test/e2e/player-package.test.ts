/**
 * The player as others take it: the examples, with the addresses of a Sluice that runs, and the npm
 * package, made and installed by the commands of `docs/player.md` without a network, checked by `tsc` and
 * bundled.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import { launchChromium } from "../helpers/chromium.ts";
import type { Publish } from "../helpers/ffmpeg.ts";
import { startPublish } from "../helpers/publish.ts";
import { serve, type Served } from "../helpers/serve.ts";
import { cleanEnvironment, type RunningSluice, startSluice } from "../helpers/sluice.ts";
import { until } from "../helpers/until.ts";

const run = promisify(execFile);
const TSC = resolve("node_modules/.bin/tsc");
const START_MS = 20_000;
/** The shell of the player, without what it loads when it is needed. */
const MAX_SHELL_BYTES = 60_000;

let sluice: RunningSluice;
let browser: Browser;
let publisher: Publish;
let videoUrl: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-player-package-"));
  const env = { LADDER: "low=144@250,mid=240@700" };
  [sluice, browser] = await Promise.all([startSluice({ env }), launchChromium()]);
  const user = await createUser(sluice.ready.api, "packer");
  const { streamKey } = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body;
  const title = { title: "In other pages" };
  const { body } = await user.call<{ url: string }>("POST", "/user/channel/videos", title);
  videoUrl = body.url;
  const pattern = { size: "426x240", videoBitrate: "500k" };
  publisher = startPublish(`${sluice.ready.rtmp}/${streamKey}`, pattern);
  const playbackUrl = `${sluice.ready.hls}/hls-live/${videoUrl}.m3u8`;
  await until(async () => (await fetch(`${playbackUrl}?wait=YES`)).ok, START_MS);
}, 90_000);

afterAll(async () => {
  await publisher?.kill();
  await browser?.close();
  await sluice?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

/** `text` with the addresses of this run, and a video's. */
function here(text: string): string {
  const { api, hls } = sluice.ready;
  return text.replaceAll("http://localhost:8000", api)
    .replaceAll("http://localhost:8080", hls)
    .replaceAll("<url>", videoUrl);
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** Serves the files of `directory`. */
function serveFolder(directory: string): Served {
  return serve(async (request) => {
    const name = new URL(request.url).pathname.slice(1) || "index.html";
    const text = await readFile(join(directory, name), "utf8").catch(() => null);
    if (text === null) return new Response(null, { status: 404 });
    const contentType = CONTENT_TYPES[name.split(".").at(-1) ?? ""] ?? "text/plain";
    return new Response(here(text), { headers: { "content-type": contentType } });
  });
}

/** The blocks of shell commands in a document. */
function commandsOf(text: string): string[] {
  return Array.from(text.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = ""]) => block);
}

async function bundle(entry: string, outdir: string): Promise<string[]> {
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    outdir,
    splitting: true,
    target: "browser",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputs.map(({ path }) => path);
}

type Opened = { readonly page: Page; readonly requests: string[]; readonly problems: string[] };

async function open(url: string): Promise<Opened> {
  const page = await browser.newPage();
  const requests: string[] = [];
  const problems: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(url);
  return { page, requests, problems };
}

/** The page lists what its player tells. */
async function expectLive({ page, problems }: Opened): Promise<void> {
  await page.getByRole("listitem").filter({ hasText: /^live$/ }).first().waitFor({
    timeout: START_MS,
  });
  await page.getByRole("listitem").filter({ hasText: "rendition" }).first().waitFor({
    timeout: START_MS,
  });
  expect(problems).toEqual([]);
  await page.close();
}

describe("the page", () => {
  test("that the README and docs/player.md show plays", async () => {
    for (const path of ["README.md", "docs/player.md"]) {
      const text = await readFile(path, "utf8");
      const [, html = ""] = /^```html\n(.*?)^```$/ms.exec(text) ?? [];
      const script = "document.querySelector('sluice-player')" +
        ".addEventListener('live', () => document.title = 'LIVE')";
      const served = serve(() =>
        new Response(here(`<!doctype html><title>Shown</title>${html}<script>${script}</script>`), {
          headers: { "content-type": CONTENT_TYPES["html"] ?? "" },
        })
      );
      const { page, problems } = await open(served.url);
      await until(async () => await page.title() === "LIVE", START_MS);
      expect(problems).toEqual([]);
      await page.close();
      await served.stop();
    }
  }, 60_000);
});

describe("the example", () => {
  test("of a plain page plays, and hears its player", async () => {
    const served = serveFolder("examples/plain-player");
    const opened = await open(served.url);
    await until(async () => (await opened.page.title()).startsWith("LIVE"), START_MS);
    await expectLive(opened);
    await served.stop();
  }, 60_000);

  test("of a React page is typed, plays, and hears its player", async () => {
    await run(TSC, ["-p", "examples/react-player"]);
    const directory = join(folder, "react");
    await bundle(resolve("examples/react-player/main.tsx"), directory);
    const page = await readFile("examples/react-player/index.html", "utf8");
    await writeFile(join(directory, "index.html"), page);
    const served = serveFolder(directory);
    const opened = await open(served.url);
    await opened.page.getByText("LIVE", { exact: true }).first().waitFor({ timeout: START_MS });
    await opened.page.getByRole("button", { name: "Go to live" }).click();
    await expectLive(opened);
    await served.stop();
  }, 60_000);
});

describe("the package", () => {
  let project: string;
  beforeAll(async () => {
    project = join(folder, "project");
    await mkdir(project);
    await writeFile(join(project, "package.json"), '{ "private": true, "type": "module" }');
    const env = {
      ...cleanEnvironment(),
      PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
      npm_config_cache: join(folder, "npm"),
      npm_config_offline: "true",
      npm_config_audit: "false",
    };
    const shell = (script: string, cwd: string) =>
      run("bash", ["-euo", "pipefail", "-c", script], { env, cwd });
    const [make = "", install = ""] = commandsOf(await readFile("docs/player.md", "utf8"));
    await shell(make, process.cwd());
    await shell(install.replace("../sluice/", `${process.cwd()}/`), project);
  }, 60_000);

  test("has the project's version and licence, and those of what is inside", async () => {
    const installed = join(project, "node_modules/sluice-player");
    const { version, license } = JSON.parse(await readFile("package.json", "utf8"));
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
    expect(manifest).toMatchObject({ name: "sluice-player", version, license });
    expect(manifest).not.toHaveProperty("dependencies");
    const licences = await readFile(join(installed, "THIRD-PARTY.txt"), "utf8");
    for (const name of ["hls.js", "media-chrome", "mpegts.js"]) expect(licences).toContain(name);
  });

  test("is typed, for React as well", async () => {
    await mkdir(join(project, "node_modules/@types"), { recursive: true });
    for (const name of ["@types/react", "csstype"]) {
      await symlink(resolve("node_modules", name), join(project, "node_modules", name));
    }
    await writeFile(
      join(project, "user.ts"),
      `import { SluicePlayer } from "sluice-player";
const player: SluicePlayer | null = document.querySelector("sluice-player");
player?.addEventListener("behind", ({ detail }) => detail.seconds?.toFixed(1));
player?.goToLive();
`,
    );
    await writeFile(
      join(project, "page.tsx"),
      `import type { SluicePlayer } from "sluice-player/react";
export const page = (use: (player: SluicePlayer | null) => void) =>
  <sluice-player ref={use} src="x.m3u8" latency="low" muted onerror={(e) => e.detail.message} />;
`,
    );
    const wrong = `import type {} from "sluice-player/react";\n` +
      `export const page = <sluice-player latency="none" />;\n`;
    await writeFile(join(project, "wrong.tsx"), wrong);
    const flags = [
      "--noEmit",
      "--strict",
      "--jsx",
      "react-jsx",
      "--types",
      "",
      "--module",
      "Preserve",
    ];
    const check = (...files: string[]) => run(TSC, [...flags, ...files], { cwd: project });
    await check("user.ts", "page.tsx");
    await expect(check("wrong.tsx")).rejects.toMatchObject({
      stdout: expect.stringContaining(`"none"' is not assignable`),
    });
  }, 60_000);

  test("is bundled with its parts apart, and loads them when they are needed", async () => {
    await writeFile(
      join(project, "main.ts"),
      `import "sluice-player";
const list = document.querySelector("ol");
for (const name of ["live", "rendition"]) document.querySelector("sluice-player")
  ?.addEventListener(name, () => list?.append(Object.assign(document.createElement("li"), { textContent: name })));
`,
    );
    const outdir = join(folder, "bundled");
    const files = await bundle(join(project, "main.ts"), outdir);
    const sizes = await Promise.all(files.map(async (path) => (await readFile(path)).length));
    const shell = (await readFile(join(outdir, "main.js"))).length;
    expect(shell).toBeLessThan(MAX_SHELL_BYTES);
    // The engine, the controls, real time.
    expect(sizes.filter((bytes) => bytes > 200_000).length).toBe(3);
    await writeFile(
      join(outdir, "index.html"),
      `<!doctype html><title>Bundled</title><script type="module" src="main.js"></script>
<sluice-player src="http://localhost:8080/hls-live/<url>.m3u8" autoplay muted controls></sluice-player><ol></ol>`,
    );
    const served = serveFolder(outdir);
    const opened = await open(served.url);
    await expectLive(opened);
    const loaded = opened.requests.filter((url) => url.startsWith(served.url));
    expect(loaded.length).toBeLessThan(files.length + 1);
    const origins = new Set(opened.requests.map((url) => new URL(url).origin));
    expect([...origins].toSorted()).toEqual([served.url, sluice.ready.hls].toSorted());
    await served.stop();
  }, 60_000);
});
