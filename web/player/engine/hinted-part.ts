/**
 * Which part comes next, told from a media playlist. Pure.
 */

/** The address of the part that comes next, by the media playlist `text` at `url`; null: it names none. */
export function hintedPart(text: string, url: string): string | null {
  const hint = /^#EXT-X-PRELOAD-HINT:TYPE=PART,(.*)$/m.exec(text)?.[1] ?? "";
  const uri = /(?:^|,)URI="([^"]+)"/.exec(hint)?.[1];
  return uri === undefined || hint.includes("BYTERANGE") ? null : new URL(uri, url).href;
}
