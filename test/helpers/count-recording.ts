/**
 * How many frames a recording has, after a look at every byte of it.
 */
import { checkRecording, type RecordingCheck } from "./check-recording.ts";
import { probePackets } from "./ffmpeg.ts";

export type CountedRendition = {
  readonly name: string;
  readonly frames: number;
  readonly audioFrames: number;
};

/** The frames of every rendition, and what there is to complain about. */
export async function countRecording(check: RecordingCheck) {
  const { complaints, renditions } = await checkRecording(check);
  const counted: CountedRendition[] = [];
  for (const { uri } of renditions) {
    const url = new URL(uri, check.url).href;
    counted.push({
      name: uri.split("/").at(-2) ?? uri,
      frames: (await probePackets(url, "v:0")).length,
      audioFrames: (await probePackets(url, "a:0")).length,
    });
  }
  return { complaints, renditions: counted };
}
