/**
 * Media decoded from its first to its last byte: what ffmpeg complains of, and when it flashes and
 * beeps.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { type ProbedStream, probeStreams, runForOutput } from "#test/helpers/ffmpeg.ts";

/** How a picture is coded and shown. */
export type Picture = {
  readonly width: number;
  readonly height: number;
  /** Width by height as it is shown. */
  readonly shape: number;
};

export type StretchFile = {
  readonly file: string;
  /** When each frame is shown, in file order; null without a video track. */
  readonly framesS: readonly number[] | null;
  /** When each packet of audio is heard; null without an audio track. */
  readonly packetsS: readonly number[] | null;
};

export type DecodedStretch = {
  readonly picture: Picture | null;
  readonly frames: number;
  readonly flashAfterBeepMs: readonly number[];
  readonly faults: readonly string[];
};

const SAMPLES_PER_PACKET = 1024;
const WHITE = 200;
const LOUD = 1000;
/** What is quieter for less than this is the same beep. */
const PAUSE_S = 0.3;
const PAIR_S = 0.5;

export async function decodeStretch(stretch: StretchFile): Promise<DecodedStretch> {
  const { file, framesS, packetsS } = stretch;
  const [shades, sound] = [`${file}.gray`, `${file}.pcm`];
  // Frames that are nearer than the frame rate says are still two frames.
  const times = ["-fps_mode", "passthrough", "-enc_time_base", "1:90000"];
  const video = ["-map", "0:v", "-vf", "scale=1:1:flags=area,format=gray", ...times];
  const complaints = await complaintsOf([
    ...["-v", "error", "-xerror", "-i", file],
    ...(framesS === null ? [] : [...video, "-f", "rawvideo", "-y", shades]),
    ...(packetsS === null ? [] : ["-map", "0:a", "-ac", "1", "-f", "s16le", "-y", sound]),
  ]);
  const luma = framesS === null ? new Uint8Array() : await bytesOf(shades);
  const pcm = packetsS === null ? new Uint8Array() : await bytesOf(sound);
  const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength >> 1);
  const packets = packetsS ?? [];
  const lost = packets.length - samples.length / SAMPLES_PER_PACKET;
  const flashes = findFlashes(luma, (framesS ?? []).toSorted((a, b) => a - b));
  return {
    picture: framesS === null ? null : await pictureOf(file),
    frames: luma.length,
    flashAfterBeepMs: pair(flashes, findBeeps(samples, packets)),
    faults: [
      ...(complaints === "" ? [] : [`ffmpeg: ${complaints}`]),
      ...(Math.abs(lost) < 1 ? [] : [`${packets.length} packets, ${lost} not decoded`]),
    ],
  };
}

/** The first and last of what ffmpeg says; empty when it is content. */
function complaintsOf(args: readonly string[]): Promise<string> {
  const child = spawn("ffmpeg", args, { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Uint8Array) => stderr += Buffer.from(chunk).toString());
  return new Promise((resolve) =>
    child.on("close", (code) => {
      const lines = stderr.trim().split("\n");
      const told = lines.length > 3 ? [...lines.slice(0, 2), "…", lines.at(-1)] : lines;
      resolve(code === 0 ? told.join("; ") : `ended with ${code}: ${told.join("; ")}`);
    })
  );
}

async function bytesOf(file: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(file).catch(() => new Uint8Array()));
}

async function pictureOf(file: string): Promise<Picture | null> {
  const streams = await probeStreams(file).catch((): ProbedStream[] => []);
  const video: ProbedStream & { readonly sample_aspect_ratio?: string } | undefined = streams.find(
    ({ codec_type }) => codec_type === "video",
  );
  if (video?.width === undefined || video.height === undefined) return null;
  const [across = 1, down = 1] = (video.sample_aspect_ratio ?? "1:1").split(":").map(Number);
  const { width, height } = video;
  return { width, height, shape: (width * across) / (height * down) };
}

function findFlashes(luma: Uint8Array, timesS: readonly number[]): number[] {
  const isWhite = (index: number) => (luma[index] ?? 0) >= WHITE;
  return timesS.filter((_, index) => index > 0 && isWhite(index) && !isWhite(index - 1));
}

function findBeeps(samples: Int16Array, packetsS: readonly number[]): number[] {
  const [firstS = 0, secondS = firstS + SAMPLES_PER_PACKET / 48_000] = packetsS;
  const sampleS = Math.min(secondS - firstS, 0.1) / SAMPLES_PER_PACKET;
  const beeps: number[] = [];
  let quiet = 0;
  for (const [index, sample] of samples.entries()) {
    if (Math.abs(sample) < LOUD) {
      quiet += 1;
      continue;
    }
    const startS = packetsS[Math.floor(index / SAMPLES_PER_PACKET)] ?? 0;
    if (quiet * sampleS > PAUSE_S) beeps.push(startS + (index % SAMPLES_PER_PACKET) * sampleS);
    quiet = 0;
  }
  return beeps;
}

function pair(flashes: readonly number[], beeps: readonly number[]): number[] {
  return flashes.flatMap((flashS) => {
    const distances = beeps.map((beepS) => flashS - beepS).filter((s) => Math.abs(s) < PAIR_S);
    const nearest = distances.toSorted((a, b) => Math.abs(a) - Math.abs(b))[0];
    return nearest === undefined ? [] : [nearest * 1000];
  });
}

/** How many frames of a file or URL look like two fields. */
export async function countCombs(target: string): Promise<number> {
  const args = ["-hide_banner", "-nostats", "-i", target, "-vf", "idet", "-an", "-f", "null", "-"];
  const log = Buffer.from(
    await runForOutput("/bin/sh", ["-c", 'ffmpeg "$@" 2>&1', "sh", ...args]),
  ).toString();
  const found = /Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+)/.exec(log);
  return Number(found?.[1] ?? Number.NaN) + Number(found?.[2] ?? Number.NaN);
}
