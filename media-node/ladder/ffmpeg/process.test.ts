import { afterEach, describe, expect, test } from "vitest";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "#test/helpers/until.ts";
import { type ChildExit, SupervisedProcess } from "./process.ts";

const started: SupervisedProcess[] = [];
afterEach(async () => {
  for (const child of started) child.kill();
  await Promise.all(started.splice(0).map((child) => child.exited));
});

function start(argv: [string, ...string[]], extraOutputs = 0) {
  const outputs = new Map<number, string>();
  const exits: ChildExit[] = [];
  const child = new SupervisedProcess({
    argv,
    extraOutputs,
    onOutput: (fd, chunk) =>
      outputs.set(fd, (outputs.get(fd) ?? "") + Buffer.from(chunk).toString()),
    onDrain: () => {},
    onExit: (exit) => exits.push(exit),
  });
  started.push(child);
  return { child, outputs, exits };
}

/** A zombie waits only for whoever inherited it to take note. */
const isRunning = (pid: number) => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe("SupervisedProcess", () => {
  test("reads every output pipe to its end before it reports the exit", async () => {
    const script =
      "head -c 300000 /dev/zero | tr '\\0' x >&3; echo four >&4; echo five >&5; exit 7";
    const { child, outputs, exits } = start(["/bin/sh", "-c", script], 3);
    const exit = await child.exited;
    expect(outputs.get(3)?.length).toBe(300_000);
    expect([outputs.get(4), outputs.get(5)]).toEqual(["four\n", "five\n"]);
    expect(exit).toMatchObject({ code: 7, signal: null });
    expect(exits).toHaveLength(1);
  });

  test("runs in a session of its own", async () => {
    const { child, outputs } = start(["/bin/sh", "-c", "cut -d ' ' -f 6 /proc/$$/stat"]);
    await child.exited;
    expect(Number(outputs.get(1))).toBe(child.pid);
  });

  test("counts the bytes that a stopped child does not take", async () => {
    const { child } = start(["/bin/cat"]);
    process.kill(child.pid ?? 0, "SIGSTOP");
    for (let n = 0; n < 16; n += 1) child.write(new Uint8Array(256 * 1024));
    expect(child.queuedBytes).toBeGreaterThan(3 * 1024 * 1024);
    process.kill(child.pid ?? 0, "SIGCONT");
    await until(() => child.queuedBytes === 0, 5000);
  });

  test("says that it drained when it had to wait, and never within write()", async () => {
    let drained = 0;
    const child = new SupervisedProcess({
      argv: ["/bin/cat"],
      extraOutputs: 0,
      onOutput() {},
      onDrain: () => void (drained += 1),
      onExit() {},
    });
    started.push(child);
    for (let n = 0; n < 16; n += 1) {
      const before = drained;
      child.write(new Uint8Array(100));
      expect(drained).toBe(before);
    }
    process.kill(child.pid ?? 0, "SIGSTOP");
    for (let n = 0; n < 4; n += 1) child.write(new Uint8Array(256 * 1024));
    const before = drained;
    expect(child.queuedBytes).toBeGreaterThan(0);
    process.kill(child.pid ?? 0, "SIGCONT");
    await until(() => drained > before && child.queuedBytes === 0, 5000);
  });

  test("stop() waits for one that goes on delivering, longer than for a silent one", async () => {
    const script = "cat >/dev/null; for n in 1 2 3 4 5; do sleep 1; echo $n >&3; done";
    const { child, outputs } = start(["/bin/sh", "-c", script], 1);
    expect(await child.stop()).toMatchObject({ code: 0, signal: null });
    expect(outputs.get(3)).toBe("1\n2\n3\n4\n5\n");
  }, 15_000);

  test("keeps the last 200 lines of stderr, without secrets", async () => {
    const script = "for n in $(seq 300); do echo line $n sk_abcdefghijkl >&2; done";
    const { stderr } = await start(["/bin/sh", "-c", script]).child.exited;
    expect(stderr).toHaveLength(200);
    expect(stderr.at(-1)).toBe("line 300 sk_a…");
  });

  test("gives the child PATH and nothing else", async () => {
    const { child, outputs } = start(["/usr/bin/env"]);
    await child.exited;
    expect(outputs.get(1)?.trim().split("\n").map((line) => line.split("=")[0])).toEqual(["PATH"]);
  });

  test("reports a program that is not there", async () => {
    const exit = await start(["/nowhere/ffmpeg"]).child.exited;
    expect(exit.code === 0).toBe(false);
    expect(exit.stderr.join(" ")).toContain("/nowhere/ffmpeg");
  });

  test("stop() lets a child that reads to the end finish in peace", async () => {
    const { child, outputs } = start(["/bin/cat"]);
    child.write(Buffer.from("all of it"));
    expect(await child.stop()).toMatchObject({ code: 0 });
    expect(outputs.get(1)).toBe("all of it");
  });

  test("stop() ends a child that ignores everything", async () => {
    const { child } = start(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"]);
    expect(await child.stop()).toMatchObject({ signal: "SIGKILL" });
  }, 10_000);

  test("a child does not survive the SIGKILL of its parent", async () => {
    const module = fileURLToPath(new URL("./process.ts", import.meta.url));
    const program = `
      const { SupervisedProcess } = await import(${JSON.stringify(module)});
      const child = new SupervisedProcess({
        argv: ["/bin/sleep", "60"], extraOutputs: 3,
        onOutput() {}, onDrain() {}, onExit() {},
      });
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const childPid = await new Promise<number>((resolve) =>
      parent.stdout.once("data", (chunk) => resolve(Number(String(chunk))))
    );
    // The wrappers replace themselves one after the other; the last one runs when all is armed.
    await until(() => readFileSync(`/proc/${childPid}/comm`, "utf8").trim() === "sleep", 5000);
    parent.kill("SIGKILL");
    await until(() => !isRunning(childPid), 1000);
  });
});
