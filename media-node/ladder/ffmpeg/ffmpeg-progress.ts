/**
 * Reads what `ffmpeg -progress` prints: `key=value` lines, a block per report.
 */

/**
 * Frames encoded, or microseconds of output where there are no frames: it grows while all is well.
 */
export type ProgressCount = number;

/** Feed it stdout in any portions; it calls back once per complete report. */
export class ProgressReader {
  readonly #onProgress: (count: ProgressCount) => void;
  #rest = "";
  #fields = new Map<string, string>();

  constructor(onProgress: (count: ProgressCount) => void) {
    this.#onProgress = onProgress;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(chunk).toString("latin1")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [key = "", value = ""] = line.split("=", 2);
      this.#fields.set(key.trim(), value.trim());
      if (key === "progress") this.#report();
    }
  }

  #report(): void {
    const number = (key: string) => Number.parseFloat(this.#fields.get(key) ?? "");
    const count = number("frame") || number("out_time_us") || 0;
    this.#fields = new Map();
    this.#onProgress(count);
  }
}
