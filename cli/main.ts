#!/usr/bin/env bun
/**
 * Entry of the `sluice` command: the process, its signals and its exit code.
 */
import { readFileSync } from "node:fs";
import { SettingsError } from "#shared/config.ts";
import { messageOf } from "#shared/errors.ts";
import { redactText } from "#shared/log.ts";
import { CommandError, EXIT_CODES } from "./exit-codes.ts";
import type { StopReason } from "./dev/run-dev.ts";
import { runProgram } from "./program.ts";
import { createTerminal } from "./terminal.ts";

/** One Ctrl-C arrives from the terminal and again from npm: both are the same wish. */
const SAME_WISH_MS = 700;

const startedAtMs = Date.now();
const terminal = createTerminal({
  isTty: process.stderr.isTTY,
  env: process.env,
  writeOut: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
});
const manifest = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as { readonly version: string };

const stop = Promise.withResolvers<StopReason>();
let stopRequestedAtMs: number | null = null;

function requestStop(reason: StopReason): void {
  const now = performance.now();
  if (stopRequestedAtMs === null) {
    stopRequestedAtMs = now;
    stop.resolve(reason);
  } else if (now - stopRequestedAtMs > SAME_WISH_MS) {
    process.exit(EXIT_CODES.interrupted);
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => requestStop(signal));
}

function report(error: unknown): number {
  const bad = terminal.style.bad("✗");
  if (error instanceof SettingsError) {
    terminal.say(`${bad} ${error.message}`);
    return EXIT_CODES.usage;
  }
  if (error instanceof CommandError) {
    const hint = error.hint === null ? "" : `\n    → ${error.hint}`;
    terminal.say(`${bad} ${error.message}${hint}`);
    return EXIT_CODES[error.exit];
  }
  terminal.say(`${bad} ${redactText(messageOf(error))}`);
  if (process.env["LOG_LEVEL"] === "debug" && error instanceof Error) {
    terminal.say(redactText(error.stack ?? ""));
  }
  return EXIT_CODES.failed;
}

try {
  const exitCode = await runProgram(process.argv.slice(2), {
    terminal,
    env: process.env,
    stopRequested: stop.promise,
    requestStop,
    startedAtMs,
    stdin: process.stdin,
    version: manifest.version,
  });
  process.exit(exitCode);
} catch (error) {
  process.exit(report(error));
}
