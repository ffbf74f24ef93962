/**
 * The preflight on real ports, a real ffmpeg and real directories.
 */
import { createServer } from "node:net";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkDataDirectory } from "./data-directory.ts";
import { checkFfmpeg, hasEncoder, readVersion } from "./ffmpeg.ts";
import { listeningInodes } from "./port-holder.ts";
import { checkPorts, choosePort } from "./ports.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-preflight-"));
});
afterAll(() => rm(directory, { recursive: true }));

describe("checkPorts()", () => {
  test("names the process that holds a taken port and the flag that moves ours", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const [result] = await checkPorts("127.0.0.1", [{ port, flag: "--api-port" }]);
      expect(result).toMatchObject({ name: `port ${port}`, state: "bad", exit: "failed" });
      expect(result?.detail).toContain(`pid ${process.pid}`);
      expect(result?.hint).toContain("--api-port");
    } finally {
      server.close();
    }
  });

  test("is content with a free port", async () => {
    const port = await choosePort("127.0.0.1", 0);
    const results = await checkPorts("127.0.0.1", [{ port, flag: "--api-port" }]);
    expect(results.map(({ state }) => state)).toEqual(["good"]);
  });
});

test("listeningInodes() reads listening sockets of one port", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1",
    "   1: 0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1",
    "   2: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1",
  ].join("\n");
  expect(listeningInodes(table, 8000)).toEqual(["4711"]);
});

describe("checkFfmpeg()", () => {
  test("finds the installed one with its encoders", async () => {
    const result = await checkFfmpeg(process.env["FFMPEG_PATH"] ?? "ffmpeg", "libx264");
    expect(result).toMatchObject({ name: "ffmpeg", state: "good" });
    expect(result.detail).toMatch(/\(libx264, aac\)$/);
  });

  test("a missing one asks for exit code 5 and names what to run", async () => {
    const result = await checkFfmpeg(join(directory, "no-ffmpeg"), "libx264");
    expect(result).toMatchObject({ state: "bad", exit: "missing" });
    expect(result.hint).toMatch(/install/);
  });

  test("one that is too old is refused by its version", async () => {
    const old = join(directory, "old-ffmpeg");
    await writeFile(old, "#!/bin/sh\necho 'ffmpeg version 3.4.11 Copyright'\n");
    await chmod(old, 0o755);
    expect((await checkFfmpeg(old, "libx264")).detail).toContain("version 3.4.11");
  });

  test("an encoder it lacks is named", async () => {
    const result = await checkFfmpeg("ffmpeg", "h264_videotoolbox");
    expect(result).toMatchObject({ state: "bad", exit: "missing" });
    expect(result.detail).toContain("h264_videotoolbox");
  });

  test.each([
    ["ffmpeg version 5.1.9-0+deb12u1 Copyright", "5.1.9", 5],
    ["ffmpeg version n7.1 Copyright", "7.1", 7],
    ["ffmpeg version N-112345-gabcdef Copyright", "N-112345-gabcdef", null],
  ])("readVersion() of %j", (text, version, major) => {
    expect(readVersion(text)).toEqual({ version, major });
  });

  test("hasEncoder() matches whole names", () => {
    const listing =
      " V....D libx264              libx264 H.264\n A....D aac                  AAC\n";
    expect(hasEncoder(listing, "libx264")).toBe(true);
    expect(hasEncoder(listing, "x264")).toBe(false);
  });
});

test("checkDataDirectory() makes it, and refuses a file in its place", async () => {
  expect((await checkDataDirectory(join(directory, "a/b"))).state).not.toBe("bad");
  const file = join(directory, "file");
  await writeFile(file, "");
  const result = await checkDataDirectory(file);
  expect(result).toMatchObject({ state: "bad", exit: "failed" });
  expect(result.hint).toContain("--data-dir");
});
