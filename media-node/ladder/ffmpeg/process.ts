/**
 * One child process under supervision: counted input, outputs on extra pipes, a bounded memory of
 * its stderr, and a stop that always ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { redactText } from "#shared/log.ts";
import { childEnv, childWrapper } from "./command.ts";

/** How a child ended, with what it said last. */
export type ChildExit = {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last lines of its stderr, secrets redacted. */
  readonly stderr: readonly string[];
};

export type ChildOptions = {
  /** Program and arguments; no shell is involved. */
  readonly argv: readonly [string, ...string[]];
  /** Output pipes besides stdout, as file descriptors 3, 4, … */
  readonly extraOutputs: number;
  onOutput(fd: number, chunk: Uint8Array): void;
  /** Everything written so far has been taken, after some of it had to wait; never within `write`. */
  onDrain(): void;
  /** Exactly once, after the last output. */
  onExit(exit: ChildExit): void;
};

const STDERR_LINES = 200;
const STDERR_LINE_LENGTH = 500;
/** How long a process that was told the end may say nothing, and how long it may go on in all. */
const SILENCE_MS = 3000;
const DRAIN_MS = 15_000;
const DRAIN_CHECK_MS = 250;
const TERMINATE_MS = 2000;
/** How long pipes may stay open after the process is gone. */
const CLOSE_PIPES_MS = 1000;

export class SupervisedProcess {
  readonly #child: ChildProcess;
  readonly #options: ChildOptions;
  readonly #stderr: string[] = [];
  readonly #exited = Promise.withResolvers<ChildExit>();
  #queuedBytes = 0;
  #isGone = false;
  #stopping: Promise<ChildExit> | undefined;
  #outputAtMs = 0;

  constructor(options: ChildOptions) {
    this.#options = options;
    const [program, ...args] = [...childWrapper(), ...options.argv];
    const extras = Array.from({ length: options.extraOutputs }, () => "pipe" as const);
    this.#child = spawn(program ?? options.argv[0], args, {
      env: childEnv(),
      // A session of its own. Linux shares processor time out among sessions first (autogroup): in ours
      // each thread of an encoder counts as much as the one that answers requests, in its own all of
      // them do together. Beside four busy loops and the default ladder of a 720p30 source the 99th
      // percentile of the API was 28 ms (23 to 29) so and 42 ms (33 to 49) without; renditions were
      // 0.2 s behind either way. One thread for each encoder made it 26 ms, and them up to 3.9 s late.
      detached: true,
      stdio: ["pipe", "pipe", "pipe", ...extras],
    });
    this.#listen();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Bytes written to the child that it has not taken: the runtime's own queue has no bound. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Resolves once the process is gone and its last output was delivered. */
  get exited(): Promise<ChildExit> {
    return this.#exited.promise;
  }

  write(bytes: Uint8Array): void {
    const stdin = this.#child.stdin;
    if (this.#isGone || stdin === null || !stdin.writable) return;
    this.#queuedBytes += bytes.length;
    // Where the pipe has room Bun calls back at once: who writes several pieces is not interrupted.
    let isWriting = true;
    stdin.write(bytes, () => {
      this.#queuedBytes -= bytes.length;
      if (this.#queuedBytes === 0 && !isWriting) this.#options.onDrain();
    });
    isWriting = false;
  }

  /** Says that nothing more will be written; how long it goes on is then its own affair. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  kill(): void {
    this.#signal("SIGKILL");
  }

  /**
   * Closes its input and waits while it goes on delivering; then TERM, then KILL. Idempotent; takes
   * at most about 5 s for a silent process, 17 s for one that has much to deliver.
   */
  stop(): Promise<ChildExit> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<ChildExit> {
    this.#child.stdin?.end();
    const startMs = performance.now();
    this.#outputAtMs = startMs;
    let terminatedAtMs: number | null = null;
    const ladder = setInterval(() => {
      const nowMs = performance.now();
      const isDone = nowMs - this.#outputAtMs > SILENCE_MS || nowMs - startMs > DRAIN_MS;
      if (terminatedAtMs === null && isDone) {
        terminatedAtMs = nowMs;
        this.#signal("SIGTERM");
      } else if (terminatedAtMs !== null && nowMs - terminatedAtMs > TERMINATE_MS) {
        this.#signal("SIGKILL");
      }
    }, DRAIN_CHECK_MS);
    const exit = await this.exited;
    clearInterval(ladder);
    return exit;
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    if (!this.#isGone) this.#child.kill(signal);
  }

  #listen(): void {
    const child = this.#child;
    // A child that dies leaves EPIPE behind; its exit is what we act on.
    child.stdin?.on("error", () => {});
    for (let fd = 1; fd < child.stdio.length; fd += 1) {
      if (fd !== 2) this.#readOutput(fd, child.stdio[fd]);
    }
    this.#readStderr(child.stdio[2]);
    child.on("error", (error) => {
      this.#stderr.push(redactText(error.message));
      if (child.pid === undefined) this.#finish(null, null);
    });
    child.on("exit", (code, signal) => {
      this.#isGone = true;
      const late = setTimeout(() => this.#finish(code, signal), CLOSE_PIPES_MS);
      child.on("close", () => {
        clearTimeout(late);
        this.#finish(code, signal);
      });
    });
  }

  #readOutput(fd: number, stream: Readable | Writable | null | undefined): void {
    stream?.on("error", () => {});
    stream?.on("data", (chunk: Uint8Array) => {
      // What it says about itself is no delivery.
      if (fd !== 1) this.#outputAtMs = performance.now();
      this.#options.onOutput(fd, chunk);
    });
  }

  #readStderr(stream: Readable | Writable | null | undefined): void {
    let rest = "";
    stream?.on("error", () => {});
    stream?.on("data", (chunk: Uint8Array) => {
      const lines = (rest + Buffer.from(chunk).toString("utf8")).split(/[\r\n]+/);
      rest = (lines.pop() ?? "").slice(0, STDERR_LINE_LENGTH);
      for (const line of lines) {
        if (line !== "") this.#stderr.push(redactText(line.slice(0, STDERR_LINE_LENGTH)));
      }
      this.#stderr.splice(0, this.#stderr.length - STDERR_LINES);
    });
  }

  #isFinished = false;

  #finish(code: number | null, signal: string | null): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#isGone = true;
    const exit = { code, signal, stderr: this.#stderr };
    this.#options.onExit(exit);
    this.#exited.resolve(exit);
  }
}
