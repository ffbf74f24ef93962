/**
 * Reads a storyboard: WebVTT whose cues name pictures, as sections of a sheet (`#xywh=x,y,w,h`). Pure.
 * @see https://www.w3.org/TR/webvtt1/
 */
export type PictureCue = {
  readonly fromS: number;
  readonly toS: number;
  /** Absolute. */
  readonly url: string;
};

const TIMES = /^((?:\d+:)?\d\d:\d\d\.\d{3})[ \t]+-->[ \t]+((?:\d+:)?\d\d:\d\d\.\d{3})/;

/** The cues of `text` in order; `baseUrl` is where it came from. */
export function readPictureCues(text: string, baseUrl: string): readonly PictureCue[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const at = lines.findIndex((line) => TIMES.test(line));
    const [, from = "", to = ""] = TIMES.exec(lines[at] ?? "") ?? [];
    const address = lines[at + 1]?.trim() ?? "";
    if (at === -1 || address === "" || !URL.canParse(address, baseUrl)) return [];
    return [{ fromS: secondsOf(from), toS: secondsOf(to), url: new URL(address, baseUrl).href }];
  });
}

function secondsOf(time: string): number {
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
