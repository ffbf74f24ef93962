/**
 * HTTP as the probe needs it: every answer with its times, nothing without a deadline.
 */
import { CommandError } from "../exit-codes.ts";

export type Fetched = {
  readonly url: string;
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly requestedAtMs: number;
  /** When the last byte was there. Unix ms, as `requestedAtMs`. */
  readonly arrivedAtMs: number;
  /** From the request to the head of the answer. */
  readonly firstByteMs: number;
};

export type ProbeHttp = {
  /** @throws CommandError `timedOut` when there is no answer */
  get(url: string, deadlineMs?: number): Promise<Fetched>;
};

/** Answers are waited for `usualMs`, or as long as the call says; `signal` ends all that is under way. */
export function createProbeHttp(usualMs: number, signal: AbortSignal): ProbeHttp {
  return {
    async get(url, deadlineMs = usualMs) {
      const requestedAtMs = Date.now();
      const startedMs = performance.now();
      try {
        const response = await fetch(url, {
          signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
          headers: { "user-agent": "sluice-probe" },
        });
        const firstByteMs = performance.now() - startedMs;
        const bytes = new Uint8Array(await response.arrayBuffer());
        const arrivedAtMs = requestedAtMs + performance.now() - startedMs;
        return { url, status: response.status, bytes, requestedAtMs, arrivedAtMs, firstByteMs };
      } catch (error) {
        throw translate(error, url, deadlineMs);
      }
    },
  };
}

function translate(error: unknown, url: string, deadlineMs: number): CommandError {
  const name = error instanceof Error ? error.name : "";
  if (name === "TimeoutError") {
    return new CommandError("timedOut", `${url} did not answer within ${deadlineMs / 1000} s`);
  }
  if (name === "AbortError") return new CommandError("interrupted", "interrupted");
  const why = error instanceof Error ? error.message : String(error);
  return new CommandError("timedOut", `${url} cannot be reached: ${why}`, "is the server running?");
}
