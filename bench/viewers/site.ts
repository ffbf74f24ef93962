/**
 * A live broadcast behind our playback server, in a process with a core of its own.
 */
import { join } from "node:path";
import { pinTo } from "../tools/pin.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;
const FRAME_MS = 33;

export type SiteOptions = {
  /** Of whose code it is made: default ours. */
  readonly checkout?: string;
  /** Of every rung; default what the best one has. */
  readonly frameBytes?: number;
};

export type Site = {
  readonly pid: number;
  readonly playlist: string;
  readonly base: string;
  readonly end: () => Promise<{ bornAtMs: Record<string, number>; memoryBytes: number }>;
};

/** Keeps what it stores in `directory`. */
export async function startSite(directory: string, options: SiteOptions = {}): Promise<Site> {
  const { checkout = CHECKOUT, frameBytes } = options;
  const program = join(checkout, "bench/viewers/site.program.ts");
  const frames = frameBytes === undefined ? [] : [FRAME_MS, frameBytes];
  const args = [program, directory, ...frames].map(String);
  const child = Bun.spawn([...pinTo(0), process.execPath, ...args], {
    cwd: checkout,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(child.stdout);
  const { playlist, base } = JSON.parse(await lines.next()) as Pick<Site, "playlist" | "base">;
  const end = async () => {
    void child.stdin.write("end\n");
    await child.stdin.flush();
    const facts = JSON.parse(await lines.next()) as Awaited<ReturnType<Site["end"]>>;
    await child.exited;
    return facts;
  };
  return { pid: child.pid, playlist, base, end };
}

/** The lines of a stream, one after the other. */
export function linesOf(stream: ReadableStream<Uint8Array>): { next: () => Promise<string> } {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const next = async () => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end !== -1) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      const { done, value } = await reader.read();
      if (done) throw new Error(`ended after ${JSON.stringify(text)}`);
      text += decoder.decode(value, { stream: true });
    }
  };
  return { next };
}
