/**
 * Publishes the clock to an RTMP url until its stdin closes, with a keyframe every so many frames:
 * `bun clock-publisher.program.ts URL FRAMES`. Prints the stamp of the first frame: the moment the
 * "camera" was switched on.
 */
import { spawn } from "node:child_process";
import { ClockFrames } from "./clock-frame.ts";

const SIZE = { width: 1280, height: 720 };
const FPS = 30;

const [url = "", keyframes = "60"] = process.argv.slice(2);
const args = [
  ["-hide_banner", "-nostats", "-loglevel", "error"],
  ["-probesize", "32", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-r", String(FPS)],
  ["-s", `${SIZE.width}x${SIZE.height}`, "-i", "pipe:0"],
  ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000"],
  ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"],
  ["-threads", "1", "-bf", "0", "-g", keyframes, "-sc_threshold", "0"],
  ["-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k"],
  // The sound has no end of its own: without this the encoder would go on, and as fast as it can.
  ["-c:a", "aac", "-b:a", "96k", "-shortest", "-flush_packets", "1"],
  ["-f", "flv", "-flvflags", "no_duration_filesize", url],
].flat();
const encoder = spawn("ffmpeg", args, { stdio: ["pipe", "ignore", "inherit"] });
encoder.on("exit", (code) => process.exit(code ?? 1));
encoder.stdin.on("error", () => {});

const frames = new ClockFrames(SIZE);
const startedAtMs = performance.now();
let sent = 0;

function sendDue(): void {
  const due = Math.floor((performance.now() - startedAtMs) * FPS / 1000) + 1;
  for (; sent < due; sent += 1) {
    const nowMs = Date.now();
    if (sent === 0) process.stdout.write(`${nowMs}\n`);
    // A copy: the encoder may not have read this one when the next is drawn.
    encoder.stdin.write(frames.draw(nowMs).slice());
  }
}

setInterval(sendDue, 4);
process.stdin.on("end", () => encoder.stdin.end());
process.stdin.resume();
