/**
 * A real OBS Studio (28 or newer, which brings obs-websocket) with a profile of its own, on a screen
 * that nobody sees.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { recordFlv } from "./ffmpeg.ts";
import { findFreePort } from "./free-port.ts";
import { controlObs, type StreamState } from "./obs-websocket.ts";
import { until } from "./until.ts";
import { startScreen } from "./xvfb.ts";

export type ObsOptions = {
  /** What a broadcaster types in under Settings › Stream. */
  readonly server: string;
  readonly key: string;
  /** 0 is OBS's default: 250 frames. */
  readonly keyframeSeconds: number;
  /** With `--startstreaming`: streams as soon as it runs. */
  readonly isStreaming?: boolean;
};

export type StreamStatus = {
  readonly outputActive: boolean;
  readonly outputReconnecting: boolean;
  /** Frames sent since the start, without those that were left out. */
  readonly outputTotalFrames: number;
};

/** A line of OBS's log, and when we read it (`performance.now()`). */
export type LogLine = { readonly text: string; readonly atMs: number };

export type Obs = {
  readonly states: readonly StreamState[];
  /** Everything OBS has said so far. */
  readonly lines: readonly LogLine[];
  readonly status: () => Promise<StreamStatus>;
  /** Presses "Start Streaming". */
  readonly start: () => Promise<void>;
  /**
   * Presses "Stop Streaming"; how many frames OBS counts. It counts those that it drops as it stops:
   * one or none.
   */
  readonly finish: () => Promise<number>;
  /** Types in another server and key. */
  readonly setTarget: (server: string, key: string) => Promise<void>;
  /** Waits for a state after the first `from` ones. */
  readonly reach: (name: string, deadlineMs: number, from?: number) => Promise<StreamState>;
  /** Waits for a line with `text` after the first `from` ones. */
  readonly hear: (text: string, deadlineMs: number, from?: number) => Promise<LogLine>;
  /** Ends OBS as a crash would, and removes its files. */
  readonly stop: () => Promise<void>;
};

const SIZE = { width: 320, height: 180 };
const START_MS = 60_000;
const NAME = "sluice";

/** Starts OBS with a moving picture and a tone, and waits until it can be controlled. */
export async function startObs(options: ObsOptions): Promise<Obs> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-obs-"));
  const control = { port: await findFreePort(), password: randomBytes(12).toString("hex") };
  await writeFile(join(folder, "film.flv"), await recordFlv({ seconds: 10 }));
  await writeConfig(folder, options, control);
  const screen = await startScreen();
  const args = [
    "--multi",
    "--disable-updater",
    ...(options.isStreaming ? ["--startstreaming"] : []),
  ];
  const child = spawn("obs", args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, "config"),
      XDG_RUNTIME_DIR: folder,
      DISPLAY: screen.display,
      QT_QPA_PLATFORM: "xcb",
      LIBGL_ALWAYS_SOFTWARE: "1",
      LANG: "C.UTF-8",
    },
  });
  const lines: LogLine[] = [];
  const note = (text: string) => lines.push({ text, atMs: performance.now() });
  createInterface(child.stdout).on("line", note);
  createInterface(child.stderr).on("line", note);
  const exited = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      note(error.message);
      resolve();
    });
    child.once("close", () => resolve());
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    await screen.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { states, request } = await controlObs(control.port, control.password, START_MS);
    return { ...drive(states, request, lines), stop };
  } catch (error) {
    await stop();
    const said = lines.slice(-40).map(({ text }) => text).join("\n");
    throw new Error(`OBS did not start:\n${said}`, { cause: error });
  }
}

type Request = (type: string, data?: unknown) => Promise<Record<string, unknown>>;

function drive(
  states: readonly StreamState[],
  request: Request,
  lines: readonly LogLine[],
): Omit<Obs, "stop"> {
  const reach = (name: string, deadlineMs: number, from = 0) =>
    until(() => states.slice(from).find((state) => state.name === name), deadlineMs);
  const hear = (text: string, deadlineMs: number, from = 0) =>
    until(() => lines.slice(from).find((line) => line.text.includes(text)), deadlineMs);
  const status = async () => await request("GetStreamStatus") as StreamStatus;
  const finish = async () => {
    const [fromState, fromLine] = [states.length, lines.length];
    await request("StopStream");
    await reach("STOPPED", 15_000, fromState);
    // A start before that is ignored.
    await until(async () => !(await status()).outputActive, 5000);
    const { text } = await hear("Total frames output: ", 5000, fromLine);
    return Number(text.split(": ").at(-1));
  };
  const setTarget = async (server: string, key: string) =>
    void await request("SetStreamServiceSettings", {
      streamServiceType: "rtmp_custom",
      streamServiceSettings: { server, key, use_auth: false },
    });
  const start = async () => void await request("StartStream");
  return { states, lines, reach, hear, status, start, finish, setTarget };
}

type ControlSettings = { readonly port: number; readonly password: string };

async function writeConfig(
  folder: string,
  { server, key, keyframeSeconds }: ObsOptions,
  control: ControlSettings,
): Promise<void> {
  const base = join(folder, "config/obs-studio");
  const profile = join(base, "basic/profiles", NAME);
  await mkdir(profile, { recursive: true });
  await mkdir(join(base, "basic/scenes"), { recursive: true });
  const encoder = {
    rate_control: "CBR",
    bitrate: 500,
    preset: "veryfast",
    keyint_sec: keyframeSeconds,
  };
  const service = { type: "rtmp_custom", settings: { server, key, use_auth: false } };
  await writeFile(join(base, "global.ini"), renderIni(globalSettings(control)));
  await writeFile(join(profile, "basic.ini"), renderIni(profileSettings()));
  await writeFile(join(profile, "streamEncoder.json"), JSON.stringify(encoder));
  await writeFile(join(profile, "service.json"), JSON.stringify(service));
  const scenes = JSON.stringify(sceneCollection(join(folder, "film.flv")));
  await writeFile(join(base, "basic/scenes", `${NAME}.json`), scenes);
}

type Ini = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

function renderIni(sections: Ini): string {
  return Object.entries(sections).map(([name, values]) =>
    `[${name}]\n${Object.entries(values).map(([key, value]) => `${key}=${value}\n`).join("")}`
  ).join("\n");
}

function globalSettings({ port, password }: ControlSettings): Ini {
  return {
    // The wizard of a first start was here.
    General: { FirstRun: true },
    Basic: {
      Profile: NAME,
      ProfileDir: NAME,
      SceneCollection: NAME,
      SceneCollectionFile: NAME,
    },
    OBSWebSocket: {
      FirstLoad: false,
      ServerEnabled: true,
      ServerPort: port,
      AlertsEnabled: false,
      AuthRequired: true,
      ServerPassword: password,
    },
  };
}

function profileSettings(): Ini {
  return {
    General: { Name: NAME },
    // Simple mode has no setting for the keyframe interval.
    Output: { Mode: "Advanced" },
    AdvOut: { Encoder: "obs_x264", TrackIndex: 1 },
    Video: {
      BaseCX: SIZE.width,
      BaseCY: SIZE.height,
      OutputCX: SIZE.width,
      OutputCY: SIZE.height,
      FPSType: 0,
      FPSCommon: 30,
    },
    Audio: { SampleRate: 48_000, ChannelSetup: "Stereo" },
  };
}

function sceneCollection(film: string) {
  const scene = "show";
  const item = { id: 1, name: "film", visible: true, scale: { x: 1, y: 1 }, align: 5 };
  return {
    name: NAME,
    current_scene: scene,
    current_program_scene: scene,
    scene_order: [{ name: scene }],
    sources: [
      { id: "scene", name: scene, settings: { id_counter: 1, items: [item] } },
      {
        id: "ffmpeg_source",
        name: "film",
        mixers: 255,
        settings: { is_local_file: true, local_file: film, looping: true },
      },
    ],
  };
}
