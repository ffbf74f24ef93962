/**
 * The demo's encoder: one supervised ffmpeg that publishes until it is stopped.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Service } from "#shared/lifecycle.ts";
import { type Logger, redactText } from "#shared/log.ts";
import { buildTestPatternArgs, findFont } from "./test-pattern.ts";

export type DemoPublisherOptions = {
  readonly ffmpegPath: string;
  readonly rtmpUrl: string;
  readonly streamKey: string;
  readonly dataDirectory: string;
  readonly log: Logger;
};

export interface DemoPublisher extends Service {
  /** ffmpeg's, while it runs. */
  readonly pid: number | null;
  readonly isRunning: boolean;
}

const RESTART_DELAYS_MS = [500, 1000, 2000, 5000];
const HEALTHY_AFTER_MS = 10_000;
const STOP_DEADLINE_MS = 2000;
const KEPT_STDERR = 2000;

/** Starts ffmpeg at the lowest priority and again when it ends by itself. */
export function createDemoPublisher(options: DemoPublisherOptions): DemoPublisher {
  return new TestPatternPublisher(options);
}

class TestPatternPublisher implements DemoPublisher {
  readonly name = "demo";
  readonly #options: DemoPublisherOptions;
  readonly #keyFile: string;
  #child: ChildProcess | null = null;
  #restart: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #isWanted = false;

  constructor(options: DemoPublisherOptions) {
    this.#options = options;
    this.#keyFile = join(options.dataDirectory, "demo-publish.ffpreset");
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isRunning(): boolean {
    return this.#isWanted;
  }

  async start(): Promise<void> {
    if (this.#isWanted) return;
    this.#isWanted = true;
    const preset = `rtmp_playpath=${this.#options.streamKey}\n`;
    await writeFile(this.#keyFile, preset, { mode: 0o600 });
    this.#launch();
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    if (this.#restart !== null) clearTimeout(this.#restart);
    this.#restart = null;
    if (this.#child !== null) await endChild(this.#child);
    await rm(this.#keyFile, { force: true });
  }

  #launch(): void {
    const { ffmpegPath, rtmpUrl, log } = this.#options;
    const args = buildTestPatternArgs({ rtmpUrl, keyFile: this.#keyFile, font: findFont() });
    const [program = ffmpegPath, ...rest] = [...wrapper(), ffmpegPath, ...args];
    const startedAtMs = performance.now();
    const child = spawn(program, rest, {
      env: { PATH: process.env["PATH"] ?? "" },
      stdio: ["ignore", "ignore", "pipe"],
      // Ctrl-C reaches a whole process group, and a second signal would cut its goodbye short.
      detached: true,
    });
    this.#child = child;
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-KEPT_STDERR);
    });
    child.on("error", (error) => log.error("demo.unavailable", { error }));
    child.on("close", (code) => {
      if (this.#child === child) this.#child = null;
      if (!this.#isWanted) return;
      log.warn("demo.ended", { code, stderr: redactText(stderr).trim().slice(-500) });
      this.#failures = performance.now() - startedAtMs > HEALTHY_AFTER_MS ? 0 : this.#failures + 1;
      const delayMs = RESTART_DELAYS_MS[Math.min(this.#failures, RESTART_DELAYS_MS.length - 1)];
      this.#restart = setTimeout(() => this.#launch(), delayMs);
    });
  }
}

/** Dies with us even after a kill -9, and leaves the processor to everything else. */
function wrapper(): readonly string[] {
  return [
    ...(isOnPath("setpriv") ? ["setpriv", "--pdeathsig", "KILL"] : []),
    ...(isOnPath("nice") ? ["nice", "-n", "15"] : []),
  ];
}

function isOnPath(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  // SIGINT lets ffmpeg say goodbye to the server, so the broadcast ends at once.
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await closed;
  clearTimeout(timer);
}
