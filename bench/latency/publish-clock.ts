/**
 * The clock as a publisher, in a process of its own.
 */
import { spawn } from "node:child_process";

export type ClockPublisher = {
  readonly firstFrameAtMs: number;
  readonly stop: () => Promise<void>;
};

/** Publishes 720p30 with a keyframe every `keyframes` frames; resolves when the first was taken. */
export async function publishClock(url: string, keyframes: number): Promise<ClockPublisher> {
  const program = new URL("./clock-publisher.program.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, url, String(keyframes)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const firstFrameAtMs = await new Promise<number>((resolve) =>
    child.stdout.once("data", (line: Uint8Array) => resolve(Number(Buffer.from(line).toString())))
  );
  const stop = async () => {
    child.stdin.end();
    await exited;
  };
  return { firstFrameAtMs, stop };
}
