/**
 * Reads a storyboard: WebVTT whose cues name pictures, as sections of a sheet (`#xywh=x,y,w,h`). Those of
 * a live broadcast have the wall clock of their beginning as identifiers. Pure.
 * @see https://www.w3.org/TR/webvtt1/
 */
export type PictureCue = {
  readonly fromS: number;
  readonly toS: number;
  /** Unix ms; null: a recording's. */
  readonly takenAtMs: number | null;
  /** Absolute. */
  readonly url: string;
};

const WALL_CLOCK = /^\d{4}-\d\d-\d\dT/;
const TIMES = /^((?:\d+:)?\d\d:\d\d\.\d{3})[ \t]+-->[ \t]+((?:\d+:)?\d\d:\d\d\.\d{3})/;

/** The cues of `text` in order; `baseUrl` is where it came from. */
export function readPictureCues(text: string, baseUrl: string): readonly PictureCue[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const at = lines.findIndex((line) => TIMES.test(line));
    const [, from = "", to = ""] = TIMES.exec(lines[at] ?? "") ?? [];
    const address = lines[at + 1]?.trim() ?? "";
    if (at === -1 || address === "" || !URL.canParse(address, baseUrl)) return [];
    const identifier = lines[at - 1] ?? "";
    const takenAtMs = WALL_CLOCK.test(identifier) ? Date.parse(identifier) : Number.NaN;
    return [{
      fromS: secondsOf(from),
      toS: secondsOf(to),
      takenAtMs: Number.isNaN(takenAtMs) ? null : takenAtMs,
      url: new URL(address, baseUrl).href,
    }];
  });
}

/**
 * The cues on a player's own timeline: `offsetMs` is the wall clock of its zero. What lies before it is
 * left out.
 */
export function toTimeline(cues: readonly PictureCue[], offsetMs: number): readonly PictureCue[] {
  return cues.flatMap((cue) => {
    if (cue.takenAtMs === null) return [];
    const fromS = (cue.takenAtMs - offsetMs) / 1000;
    const toS = fromS + cue.toS - cue.fromS;
    return toS <= 0 ? [] : [{ ...cue, fromS: Math.max(0, fromS), toS }];
  });
}

function secondsOf(time: string): number {
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
