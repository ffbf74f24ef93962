import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const MEBIBYTE = 1024 * 1024;

async function runProgram(name: string): Promise<unknown> {
  const program = fileURLToPath(new URL(`../../../test/helpers/${name}`, import.meta.url));
  const { stdout } = await run(process.execPath, [program], { timeout: 60_000 });
  return JSON.parse(stdout);
}

test(
  "10 000 mutated sessions end in a protocol error or nothing, within bounded memory",
  async () => {
    const result = await runProgram("rtmp-fuzz.program.ts");
    expect(result).toMatchObject({ sessions: 10_000, unharmed: { isRefused: false, tags: 10 } });
    const { refused, tags, growthBytes } = result as Record<string, number>;
    expect(refused).toBeGreaterThan(1000);
    expect(tags).toBeGreaterThan(1000);
    expect(growthBytes).toBeLessThan(30 * MEBIBYTE);
  },
  60_000,
);

test("40 claims of 16 MB, and 40 publishers' claims of 7 MB, take no memory", async () => {
  const result = await runProgram("message-claims.program.ts");
  expect(result).toMatchObject({ strangersLeft: 0, publishersClaiming: 41, publishersLeft: 1 });
  const { growthBytes } = result as { growthBytes: number };
  expect(growthBytes).toBeLessThan(50 * MEBIBYTE);
}, 60_000);
