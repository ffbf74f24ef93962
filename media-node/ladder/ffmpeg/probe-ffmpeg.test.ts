import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeFfmpeg } from "./probe-ffmpeg.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "probe-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A program that answers `-version` and `-encoders` as an ffmpeg of that make would. */
async function writeFfmpeg(version: string, encoders: readonly string[]): Promise<string> {
  const path = join(folder, `ffmpeg-${version}-${encoders.length}`);
  const lines = encoders.map((name) => ` V....D ${name}  words`).join("\n");
  await writeFile(
    path,
    `#!/bin/sh\ncase "$*" in *-encoders*) echo '${lines}';; *) echo 'ffmpeg version ${version} Copyright';; esac\n`,
  );
  await chmod(path, 0o755);
  return path;
}

describe("probeFfmpeg()", () => {
  test("finds the one on PATH with its version and encoders", async () => {
    const facts = await probeFfmpeg("ffmpeg");
    expect(facts.path).toMatch(/^\/.*ffmpeg$/);
    expect(facts.encoders).toContain("libx264");
  });

  test("says that it is missing and what to do", async () => {
    await expect(probeFfmpeg("/nowhere/ffmpeg")).rejects.toThrow(
      "ffmpeg is missing: there is no /nowhere/ffmpeg; install it (apt-get install ffmpeg) or set FFMPEG_PATH",
    );
  });

  test("says which version is too old", async () => {
    const path = await writeFfmpeg("4.2.7", ["libx264", "aac"]);
    await expect(probeFfmpeg(path)).rejects.toThrow("is version 4.2.7; Sluice needs 4.4 or newer");
  });

  test("says which encoder is missing", async () => {
    const path = await writeFfmpeg("6.1", ["aac"]);
    await expect(probeFfmpeg(path)).rejects.toThrow("(6.1) has no libx264");
  });

  test("refuses a program that is something else", async () => {
    await expect(probeFfmpeg("/bin/true")).rejects.toThrow("/bin/true is not ffmpeg");
  });

  test("takes a build from git", async () => {
    const path = await writeFfmpeg("N-118000-gabcdef", ["libx264", "aac"]);
    expect((await probeFfmpeg(path)).version).toBe("N-118000-gabcdef");
  });
});
