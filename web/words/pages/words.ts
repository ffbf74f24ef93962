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
    match: firstWanted,
  });
  return LANGUAGES[language] ?? en;
}

/** `de-AT` is German. The most wanted comes first, and what is not wanted at all not. */
function firstWanted(wanted: readonly Wanted[], { supports, default: other }: Supported): string {
  const languages = wanted
    .filter(({ q }) => q > 0)
    .toSorted((one, another) => another.q - one.q)
    .map(({ type }) => type.toLowerCase().split("-")[0] ?? "");
  return languages.find((language) => supports.includes(language)) ?? other;
}

type Wanted = { readonly type: string; readonly q: number };
type Supported = { readonly supports: readonly string[]; readonly default: string };
