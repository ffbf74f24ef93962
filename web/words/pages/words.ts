/**
 * The pages' words in the language a reader asks for.
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { de } from "./de.ts";
import { en, type PageWords } from "./en.ts";

const LANGUAGES: Readonly<Record<string, PageWords>> = { en, de };

/** By `Accept-Language`; English where nothing fits. */
export function pageWords(c: Context): PageWords {
  const language = accepts(c, {
    header: "Accept-Language",
    supports: Object.keys(LANGUAGES),
    default: "en",
  });
  return LANGUAGES[language] ?? en;
}
