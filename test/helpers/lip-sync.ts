/**
 * Pictures and sound of a flashing test pattern, side by side.
 */
import { runForOutput } from "./ffmpeg.ts";

/** When the picture turns white and when the tone begins in a file or URL, in seconds. */
export async function findFlashesAndBeeps(target: string) {
  const filters = [
    ["-vf", "negate,blackdetect=d=0.03:pix_th=0.3"],
    ["-af", "silencedetect=noise=-30dB:duration=0.2"],
  ].flat();
  const args = ["-hide_banner", "-nostats", "-copyts", "-i", target, ...filters, "-f", "null", "-"];
  const log = Buffer.from(
    await runForOutput("/bin/sh", ["-c", 'ffmpeg "$@" 2>&1', "sh", ...args]),
  ).toString();
  const times = (pattern: RegExp) => [...log.matchAll(pattern)].map(([, time]) => Number(time));
  return {
    flashes: times(/black_start:([\d.]+)/g).filter((time) => time > 0.5),
    beeps: times(/silence_end: ([\d.]+)/g),
  };
}
