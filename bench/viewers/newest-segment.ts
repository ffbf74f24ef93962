/** The newest segment of the site's broadcast, because the window moves on. */
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import type { Site } from "./site.ts";

/** @throws Error when none is complete yet */
export async function newestSegment({ playlist }: Site): Promise<{ readonly uri: string }> {
  const segment = readMediaPlaylist(await (await fetch(playlist)).text()).segments.at(-1);
  if (segment === undefined) throw new Error("the broadcast has no segment yet");
  return segment;
}
