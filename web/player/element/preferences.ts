/**
 * What this viewer likes, from one visit to the next.
 */
const KEY = "sluice-player";

export type Preferences = {
  /** 0 to 1. */
  readonly volume?: number;
  readonly isMuted?: boolean;
  /** Of the rendition they chose; undefined: the player chooses. */
  readonly heightPx?: number | undefined;
  /** Captions, where there are some; undefined: none. */
  readonly captions?: string | undefined;
};

/** What is known; nothing where the browser keeps nothing. */
export function readPreferences(): Preferences {
  try {
    return validated(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    return {};
  }
}

/** Keeps `changes` beside what is kept already. */
export function keepPreferences(changes: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...readPreferences(), ...changes }));
  } catch {
    // They are chosen again the next time.
  }
}

/** Anything may stand there: other versions, other scripts of the page. */
export function validated(kept: unknown): Preferences {
  const { volume, isMuted, heightPx, captions } = (kept ?? {}) as Record<string, unknown>;
  return {
    ...typeof volume === "number" && volume >= 0 && volume <= 1 ? { volume } : {},
    ...typeof isMuted === "boolean" ? { isMuted } : {},
    ...typeof heightPx === "number" && heightPx > 0 ? { heightPx } : {},
    ...typeof captions === "string" ? { captions } : {},
  };
}
