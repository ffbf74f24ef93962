/**
 * Kinds of text that people type.
 */
import * as z from "zod";

// Postgres stores no NUL, and no other control character belongs on one line.
const ONE_LINE = /^[^\p{Cc}]*$/u;
const MANY_LINES = /^[^\0]*$/;

/** One line, trimmed, of `min` to `max` characters. */
export const lineSchema = (min: number, max: number) =>
  z.string().trim().min(min).max(max).regex(
    ONE_LINE,
    "expected one line without control characters",
  );

/** Any number of lines, at most `max` characters. */
export const linesSchema = (max: number) =>
  z.string().max(max).regex(MANY_LINES, "expected text without NUL");
