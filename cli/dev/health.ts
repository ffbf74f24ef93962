/**
 * Whether what was started answers.
 */
import { CommandError } from "../exit-codes.ts";

const DEADLINE_MS = 5000;

/** Resolves when every URL answers over HTTP, whatever the status. @throws CommandError when not */
export async function isUp(...urls: readonly string[]): Promise<void> {
  await Promise.all(urls.map(async (url) => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
      await response.body?.cancel();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CommandError("failed", `${url} does not answer: ${reason}`);
    }
  }));
}
