/**
 * How a page's address says that it wants to play: `?t=90&autoplay=1&muted=0&controls=0&loop=1`. Pure.
 */

/** Attributes of the player. */
export type PlayWishes = {
  readonly autoplay: boolean;
  readonly muted: boolean;
  readonly controls: boolean;
  readonly loop: boolean;
  /** Seconds; undefined: from the beginning. */
  readonly start: number | undefined;
};

const ON = new Set(["1", "true"]);
const OFF = new Set(["0", "false"]);
const MAX_START_S = 1e6;

export function playWishes(query: URLSearchParams): PlayWishes {
  const isOn = (name: string, usual: boolean) => {
    const value = query.get(name) ?? "";
    return ON.has(value) || (usual && !OFF.has(value));
  };
  const isAutoplay = isOn("autoplay", true);
  const startS = Number(query.get("t") ?? 0);
  return {
    autoplay: isAutoplay,
    // What a viewer starts may be heard.
    muted: isOn("muted", isAutoplay),
    controls: isOn("controls", true),
    loop: isOn("loop", false),
    start: startS > 0 && startS < MAX_START_S ? startS : undefined,
  };
}
