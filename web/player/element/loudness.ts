/**
 * How loud this viewer likes it, from one visit to the next.
 */
const KEY = "sluice-loudness";

export type Loudness = {
  /** 0 to 1. */
  readonly volume: number;
  readonly isMuted: boolean;
};

/** Null: nothing is known, or the browser keeps nothing. */
export function readLoudness(): Loudness | null {
  try {
    const [volume = Number.NaN, isMuted] = JSON.parse(
      localStorage.getItem(KEY) ?? "[]",
    ) as readonly number[];
    if (!(volume >= 0 && volume <= 1)) return null;
    return { volume, isMuted: isMuted === 1 };
  } catch {
    return null;
  }
}

export function keepLoudness({ volume, isMuted }: Loudness): void {
  try {
    localStorage.setItem(KEY, JSON.stringify([volume, isMuted ? 1 : 0]));
  } catch {
    // It is asked for again the next time.
  }
}
