/**
 * One line for each publisher who was turned away.
 */
import { AppError } from "#shared/errors.ts";
import type { LogFields, Logger } from "#shared/log.ts";

/** Logs `error` when it is a refusal; anything else is logged where it is answered. */
export function logRefusal(log: Logger, error: unknown, fields: LogFields): void {
  if (!(error instanceof AppError) || error.status >= 500) return;
  log.info("publisher.refused", { ...fields, code: error.code });
}
