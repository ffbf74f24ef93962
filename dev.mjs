#!/usr/bin/env node
/**
 * Set-up and entry behind `npm start`, `npm test` and `npm run sluice -- …`: plain Node ≥ 18, no
 * dependencies. Finds or fetches Bun, installs the packages of `bun.lock`, finds or installs the
 * system's programs, then runs the real command on Bun. Talk goes to stderr; stdout is the command's.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { constants as osConstants, homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";

const ROOT = dirname(fileURLToPath(import.meta.url));
const MANIFEST = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const BUN_VERSION = MANIFEST.engines.bun;
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sluice");
const EXIT_USAGE = 2;
const EXIT_MISSING = 5;

const COMMANDS = {
  start: { script: "cli/main.ts", args: ["dev", "--demo"], tools: ["ffmpeg"] },
  sluice: { script: "cli/main.ts", args: [], tools: [] },
  test: {
    script: "test/run.ts",
    args: [],
    tools: [
      ...["ffmpeg", "chromium", "firefox", "webkit", "postgres", "rabbitmq", "nginx", "vlc"],
      ...["gstreamer", "mpv", "yt-dlp", "streamlink", "obs"],
    ],
  },
};

/** Programs of the system: how each is found, and which Debian packages bring it. */
const TOOLS = {
  ffmpeg: {
    packages: ["ffmpeg"],
    // Whether it is fit is asked by the command itself, a moment later.
    find: () => process.env.FFMPEG_PATH || onPath("ffmpeg"),
  },
  chromium: {
    packages: ["chromium"],
    find: () =>
      firstAnswering([
        process.env.CHROMIUM_PATH,
        ...["chromium", "chromium-browser", "google-chrome"].map(onPath),
      ], ["--version"]),
  },
  firefox: {
    packages: ["firefox-esr"],
    find: () =>
      firstAnswering(
        [process.env.FIREFOX_PATH, ...["firefox-esr", "firefox"].map(onPath)],
        ["--version"],
      ),
  },
  webkit: {
    // It plays with the plugins of `gstreamer`.
    packages: ["webkit2gtk-driver", "xvfb"],
    find: () =>
      onPath("Xvfb") && onPath("WebKitWebDriver") &&
      ["4.1", "4.0"].map((version) => libraryFile(`webkit2gtk-${version}/MiniBrowser`))
        .find(Boolean),
  },
  postgres: {
    packages: ["postgresql"],
    find: () =>
      firstAnswering(
        [onPath("postgres"), ...debianPostgres()],
        ["--version"],
        (text) => Number(/\s(\d+)/.exec(text)?.[1]) >= 15,
      ),
  },
  rabbitmq: {
    packages: ["rabbitmq-server"],
    find: () => onPath("rabbitmq-server") ?? existing("/usr/lib/rabbitmq/bin/rabbitmq-server"),
  },
  nginx: {
    packages: ["nginx", "libnginx-mod-rtmp"],
    find: () =>
      existing("/usr/lib/nginx/modules/ngx_rtmp_module.so") &&
      firstAnswering([onPath("nginx"), "/usr/sbin/nginx"], ["-v"]),
  },
  vlc: {
    packages: ["vlc-bin", "vlc-plugin-base"],
    // It refuses to run as root, so it cannot be asked.
    find: () => onPath("vlc") && libraryFile("vlc/plugins/demux/libadaptive_plugin.so"),
  },
  gstreamer: {
    packages: [
      "gstreamer1.0-tools",
      ...["base", "base-apps", "good", "bad"].map((name) => `gstreamer1.0-plugins-${name}`),
      "gstreamer1.0-libav",
    ],
    find: () =>
      ["adaptivedemux2", "libav", "playback", "videoparsersbad"].every((name) =>
        libraryFile(`gstreamer-1.0/libgst${name}.so`)
      ) && onPath("gst-launch-1.0") && onPath("gst-play-1.0"),
  },
  mpv: { packages: ["mpv"], find: () => onPath("mpv") },
  "yt-dlp": { packages: ["yt-dlp"], find: () => onPath("yt-dlp") },
  streamlink: { packages: ["streamlink"], find: () => onPath("streamlink") },
  obs: {
    packages: ["obs-studio", "xvfb"],
    // It cannot be asked without a screen.
    find: () => onPath("Xvfb") && onPath("obs") && libraryFile("obs-plugins/obs-websocket.so"),
  },
};

/** As root, or behind `sudo`: installs "$@" without starting the services that come with it. */
const APT_SCRIPT = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get -q -o DPkg::Lock::Timeout=120 update || echo 'apt-get update failed; trying the lists at hand'
apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"
`;

class SetUpError extends Error {
  constructor(message, exitCode = EXIT_MISSING) {
    super(message);
    this.exitCode = exitCode;
  }
}

const say = (text) => process.stderr.write(`${text}\n`);
const existing = (path) => (existsSync(path) ? path : undefined);

/** A file in the library folder of this machine's architecture, as Debian names it. */
function libraryFile(name) {
  const folders = ["x86_64", "aarch64"].map((cpu) => `/usr/lib/${cpu}-linux-gnu`);
  return [...folders, "/usr/lib"].map((folder) => join(folder, name)).find(existsSync);
}

/** The first executable called `name` on PATH. */
function onPath(name) {
  return (process.env.PATH ?? "").split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What `path args…` prints, or undefined when it cannot be run or fails. */
function answerOf(path, args) {
  const child = spawnSync(path, args, { encoding: "utf8", timeout: 20_000 });
  return child.status === 0 ? `${child.stdout}${child.stderr}` : undefined;
}

function firstAnswering(paths, args, isGood = () => true) {
  return paths.find((path) => {
    const answer = path === undefined || path === "" ? undefined : answerOf(path, args);
    return answer !== undefined && isGood(answer);
  });
}

function debianPostgres() {
  const base = "/usr/lib/postgresql";
  if (!existsSync(base)) return [];
  return readdirSync(base).sort((a, b) => Number(b) - Number(a))
    .map((version) => join(base, version, "bin", "postgres"))
    .filter(isExecutable);
}

/** Runs a set-up step with its output kept in a log, and says what it does and how long it took. */
async function step(title, command, args, options = {}) {
  const startedAt = Date.now();
  say(`sluice: ${title} …`);
  const output = [];
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], ...options });
  child.stdout?.on("data", (bytes) => output.push(bytes));
  child.stderr?.on("data", (bytes) => output.push(bytes));
  const code = await new Promise((resolve) => {
    child.on("error", (error) => (output.push(Buffer.from(String(error))), resolve(1)));
    child.on("close", (status) => resolve(status ?? 1));
  });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  if (code === 0) return say(`sluice: ${title}: done in ${seconds} s`);
  const text = Buffer.concat(output).toString().trimEnd();
  say(text.split("\n").slice(-25).map((line) => `  ${line}`).join("\n"));
  throw new SetUpError(`${title}: failed after ${seconds} s (${command} exited with ${code})`);
}

// ---- Bun

/** A Bun of exactly the pinned version: the one on PATH, the private one, or fetched by npm. */
async function findBun(mayInstall) {
  const isPinned = (answer) => answer.trim() === BUN_VERSION;
  const found = firstAnswering([onPath("bun")], ["--version"], isPinned) ?? privateBun();
  if (found !== undefined) return found;
  const command = `npm install --global bun@${BUN_VERSION}`;
  if (!mayInstall) {
    throw new SetUpError(
      `Bun ${BUN_VERSION} is missing and --no-install forbids fetching it.\nRun: ${command}`,
    );
  }
  await fetchBun();
  const fetched = privateBun();
  if (fetched !== undefined) return fetched;
  throw new SetUpError(`Bun ${BUN_VERSION} was fetched but does not run here.\nTry: ${command}`);
}

function privateBun() {
  const modules = join(CACHE, `bun-${BUN_VERSION}`, "node_modules");
  const scope = join(modules, "@oven");
  // Whether the install scripts ran decides which of these is the program and which a stub.
  const candidates = [
    ...(existsSync(scope) ? readdirSync(scope).sort() : [])
      .map((name) => join(scope, name, "bin", "bun")),
    join(modules, "bun", "bin", "bun.exe"),
    join(modules, ".bin", "bun"),
  ];
  return firstAnswering(
    candidates.filter(isExecutable),
    ["--version"],
    (answer) => answer.trim() === BUN_VERSION,
  );
}

async function fetchBun() {
  mkdirSync(CACHE, { recursive: true });
  const target = join(CACHE, `bun-${BUN_VERSION}`);
  const scratch = mkdtempSync(join(CACHE, "fetch-"));
  try {
    writeFileSync(join(scratch, "package.json"), '{ "private": true }\n');
    const npm = process.env.npm_execpath?.endsWith(".js") ? process.env.npm_execpath : undefined;
    const args = ["install", "--prefix", scratch, "--no-audit", "--no-fund", "--ignore-scripts"];
    await step(
      `fetching Bun ${BUN_VERSION} with npm into ${target}`,
      npm ? process.execPath : "npm",
      [...(npm ? [npm] : []), ...args, `bun@${BUN_VERSION}`],
      { cwd: scratch },
    );
    rmSync(target, { recursive: true, force: true });
    renameSync(scratch, target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

// ---- Packages

async function installPackages(bun, mayInstall) {
  const hash = createHash("sha256").update(`${BUN_VERSION} ${process.platform} ${process.arch}`);
  for (const name of ["package.json", "bun.lock"]) hash.update(readFileSync(join(ROOT, name)));
  const digest = hash.digest("hex");
  const stamp = join(ROOT, "node_modules", ".sluice-installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  const args = ["install", "--frozen-lockfile"];
  if (!mayInstall) {
    throw new SetUpError(
      `The packages of bun.lock are not installed and --no-install forbids it.\nRun: ${bun} ${
        args.join(" ")
      }`,
    );
  }
  await step("installing the packages of bun.lock", bun, args);
  writeFileSync(stamp, digest);
}

// ---- The system's programs

async function installTools(names, mayInstall) {
  const missing = names.filter((name) => !TOOLS[name].find());
  if (missing.length === 0) return;
  const packages = missing.flatMap((name) => TOOLS[name].packages);
  const isRoot = process.getuid?.() === 0;
  const command = installCommand(packages, isRoot);
  const refuse = (why) => new SetUpError(`Missing: ${missing.join(", ")}. ${why}\nRun: ${command}`);
  if (!mayInstall) throw refuse("--no-install forbids installing.");
  if (!onPath("apt-get")) throw refuse("Only apt-get is driven by this set-up.");
  if (!isRoot && !(onPath("sudo") && await mayUseSudo(packages))) throw refuse("Not installed.");
  const sudo = isRoot ? [] : ["sudo"];
  const [program, ...args] = [...sudo, "sh", "-c", APT_SCRIPT, "sh", ...packages];
  await step(`installing ${packages.join(", ")} with apt-get`, program, args, {
    stdio: [isRoot ? "ignore" : "inherit", "pipe", "pipe"],
  });
  const still = missing.filter((name) => !TOOLS[name].find());
  // Old releases bring an older Postgres: the tests then use the embedded binaries as a server.
  const fatal = still.filter((name) => name !== "postgres");
  if (fatal.length > 0) {
    throw new SetUpError(`Installed, but still not usable here: ${fatal.join(", ")}.`);
  }
}

function installCommand(packages, isRoot) {
  if (process.platform === "darwin") return `brew install ${packages.join(" ")}`;
  return `${isRoot ? "" : "sudo "}apt-get install --no-install-recommends ${packages.join(" ")}`;
}

async function mayUseSudo(packages) {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`Install ${packages.join(", ")} with sudo? [Y/n] `);
    return /^(y(es)?)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}

// ---- Running

/** Runs the command in this terminal, passes signals on and exits with its code. */
function run(bun, args) {
  const path = `${dirname(bun)}${delimiter}${process.env.PATH ?? ""}`;
  // Two malloc arenas in place of eight per core: image work in threads would keep what each freed.
  const env = { MALLOC_ARENA_MAX: "2", ...process.env, PATH: path };
  const child = spawn(bun, args, { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  if (process.env.npm_lifecycle_event) stopWithParent(child);
  child.on("error", (error) => {
    say(`sluice: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (osConstants.signals[signal] ?? 0));
  });
}

/** An npm that is killed outright passes nothing on: whoever asked for us is gone then. */
function stopWithParent(child) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill("SIGTERM");
  }, 1000);
  timer.unref();
}

async function main([name, ...rest]) {
  const command = COMMANDS[name];
  if (command === undefined) {
    throw new SetUpError(`usage: node dev.mjs ${Object.keys(COMMANDS).join("|")} …`, EXIT_USAGE);
  }
  const mayInstall = !rest.includes("--no-install");
  const args = rest.filter((arg) => arg !== "--no-install");
  const bun = await findBun(mayInstall);
  await installPackages(bun, mayInstall);
  await installTools(command.tools, mayInstall);
  // --smol: collects garbage sooner, for a small process tree on a laptop.
  const flags = name === "test" ? [] : ["--smol"];
  run(bun, [...flags, join(ROOT, command.script), ...command.args, ...args]);
}

main(process.argv.slice(2)).catch((error) => {
  if (!(error instanceof SetUpError)) throw error;
  say(`sluice: ${error.message}`);
  process.exit(error.exitCode);
});
