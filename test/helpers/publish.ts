/**
 * A publisher as end-to-end tests meet one, and the keyframes that ffprobe sees of what it sent.
 */
import { probePackets, type Publish, publish, type TestPattern } from "./ffmpeg.ts";

/** Publishes a moving test pattern with a tone to `url` in real time: 720p unless `pattern` says else. */
export function startPublish(url: string, pattern: TestPattern = {}): Publish {
  const broadcast = { size: "1280x720", keyframeSeconds: 2, videoBitrate: "2500k" };
  return publish(url, { ...broadcast, ...pattern });
}

/** URLs of the media playlists a multivariant playlist names, by the last folder of their path. */
export async function readRenditions(url: string): Promise<Record<string, string>> {
  const text = await (await fetch(url)).text();
  const uris = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(uris.map((uri) => {
    const rendition = new URL(uri, url);
    return [rendition.pathname.split("/").at(-2) ?? uri, rendition.href];
  }));
}

/**
 * Presentation times (s) of the first keyframes of every rendition, as ffprobe reads them from the
 * playlist; `seconds` bounds how much is read.
 */
export async function readKeyframeTimes(
  url: string,
  seconds: number,
): Promise<Record<string, number[]>> {
  const bound = Number.isFinite(seconds) ? ["-read_intervals", `%+${seconds}`] : [];
  const times: Record<string, number[]> = {};
  for (const [name, rendition] of Object.entries(await readRenditions(url))) {
    const packets = await probePackets(rendition, "v:0", ["-live_start_index", "0", ...bound]);
    times[name] = packets.filter(({ isKeyframe }) => isKeyframe).map(({ ptsS }) => ptsS);
  }
  return times;
}
