/**
 * WebKitGTK's MiniBrowser, driven over WebDriver on a screen that nobody sees.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../free-port.ts";
import { until } from "../until.ts";
import { startScreen } from "../xvfb.ts";
import type { AnyBrowser, LaunchOptions } from "./any-browser.ts";
import { WebDriver } from "./web-driver.ts";

const START_MS = 20_000;

export type WebkitOptions = LaunchOptions & {
  /** As a Mac has it, an iPhone, or a set that has none. Default `standard`. */
  readonly mediaSource?: "standard" | "managed" | "none";
};

const MEDIA_SOURCES = {
  standard: ["--enable-mediasource=true", "--features=-ManagedMediaSource"],
  managed: ["--enable-mediasource=false", "--features=+ManagedMediaSource"],
  none: ["--enable-mediasource=false", "--features=-ManagedMediaSource"],
};

/** Starts one whose profile goes with it. */
export async function launchWebkit(options: WebkitOptions = {}): Promise<AnyBrowser> {
  const { isAutoplayBlocked = false, mediaSource = "standard" } = options;
  const [home, port, screen] = await Promise.all([
    mkdtemp(join(tmpdir(), "sluice-webkit-")),
    findFreePort(),
    startScreen(),
  ]);
  const driver = spawn("WebKitWebDriver", [`--port=${port}`], {
    stdio: "ignore",
    // A group of its own: the browser and its processes go with it.
    detached: true,
    env: {
      PATH: process.env["PATH"],
      HOME: home,
      DISPLAY: screen.display,
      LANG: "C.UTF-8",
      NO_AT_BRIDGE: "1",
      GSETTINGS_BACKEND: "memory",
      // Half of what a picture costs without a graphics card.
      WEBKIT_DISABLE_COMPOSITING_MODE: "1",
      // Off by default, where Safari has it.
      WEBKIT_GST_ENABLE_HLS_SUPPORT: mediaSource === "none" ? "1" : "0",
    },
  });
  const exited = new Promise<void>((resolve) => {
    driver.once("error", () => resolve());
    driver.once("close", () => resolve());
  });
  const stop = async () => {
    if (driver.pid !== undefined) process.kill(-driver.pid, "SIGKILL");
    await exited;
    await screen.stop();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const address = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${address}/status`)).ok, START_MS);
    const args = [
      "--automation",
      `--autoplay-policy=${isAutoplayBlocked ? "deny" : "allow-without-sound"}`,
      ...MEDIA_SOURCES[mediaSource],
    ];
    const session = await WebDriver.connect(address, {
      pageLoadStrategy: "none",
      "webkitgtk:browserOptions": { binary: findMiniBrowser(), args },
    });
    return {
      name: "webkit",
      open: (url, watch) => session.open(url, watch),
      close: async () => {
        await session.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function findMiniBrowser(): string {
  const [path] = globSync("/usr/lib{,/*-linux-gnu}/webkit2gtk-4.*/MiniBrowser");
  if (path === undefined) throw new Error("no MiniBrowser of WebKitGTK");
  return path;
}
