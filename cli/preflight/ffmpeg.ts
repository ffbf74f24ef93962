/**
 * Is ffmpeg there, new enough, and can it encode what the ladder wants?
 */
import { execFile } from "node:child_process";
import { bad, type CheckResult, good } from "./check.ts";

const OLDEST_MAJOR = 4;
const INSTALL_HINT = process.platform === "darwin"
  ? "brew install ffmpeg"
  : "apt-get install --no-install-recommends ffmpeg (or set FFMPEG_PATH)";

type Probe = { readonly version: string; readonly major: number | null };

/** Runs ffmpeg once: its banner tells the version, its answer the encoders. */
export async function checkFfmpeg(path: string, encoder: string): Promise<CheckResult> {
  const encoders = await runFfmpeg(path, ["-encoders"]);
  if (encoders === null) {
    return bad("ffmpeg", "missing", `${path} is not there or does not run`, INSTALL_HINT);
  }
  const { version, major } = readVersion(encoders);
  if (major !== null && major < OLDEST_MAJOR) {
    const detail = `${path} is version ${version}; expected ${OLDEST_MAJOR} or newer`;
    return bad("ffmpeg", "missing", detail, INSTALL_HINT);
  }
  const lacking = [encoder, "aac"].filter((name) => !hasEncoder(encoders, name));
  if (lacking.length > 0) {
    const detail = `${path} ${version} has no encoder ${lacking.join(", ")}`;
    return bad("ffmpeg", "missing", detail, `${INSTALL_HINT}, or choose another with --encoder`);
  }
  return good("ffmpeg", `${version} (${encoder}, aac)`);
}

/** `ffmpeg version 5.1.9-0+deb12u1 …` → `5.1.9`; builds from git have no number. */
export function readVersion(text: string): Probe {
  const word = /^ffmpeg version (\S+)/m.exec(text)?.[1] ?? "unknown";
  const number = /^n?(\d+)(?:\.\d+)*/.exec(word);
  return number === null
    ? { version: word, major: null }
    : { version: number[0].replace(/^n/, ""), major: Number(number[1]) };
}

/** Whether `ffmpeg -encoders` lists `name`. */
export function hasEncoder(listing: string, name: string): boolean {
  return listing.split("\n").some((line) => line.trim().split(/\s+/)[1] === name);
}

function runFfmpeg(path: string, args: readonly string[]): Promise<string | null> {
  const env = { PATH: process.env["PATH"] ?? "" };
  return new Promise((resolve) => {
    execFile(
      path,
      [...args],
      { env, timeout: 10_000, maxBuffer: 2 ** 22 },
      (error, out, banner) => {
        resolve(error === null ? `${banner}\n${out}` : null);
      },
    );
  });
}
