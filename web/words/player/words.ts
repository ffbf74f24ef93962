/**
 * The player's words in the language that is asked for.
 */
import { de } from "./de.ts";
import { en, type PlayerWords } from "./en.ts";

const LANGUAGES: Readonly<Record<string, PlayerWords>> = { de, en };

/** The words for a language tag such as `de-AT`; English where there are none. */
export function playerWords(tag: string): PlayerWords {
  const [language = ""] = tag.toLowerCase().split("-");
  return LANGUAGES[language] ?? en;
}

/** `text` with each `{name}` replaced. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
