/**
 * Reads what one ffmpeg writes to its pipes: progress, a rung each, encoded audio, pictures.
 */
import type { FlvTag } from "../../formats/media.ts";
import type { EngineClock } from "../engine-clock.ts";
import { FIRST_OUTPUT_FD } from "./ffmpeg-args.ts";
import type { AudioOutput, RungOutput } from "./ffmpeg-output.ts";
import { type Progress, ProgressReader } from "./ffmpeg-progress.ts";
import { FlvReader } from "../../formats/flv/flv-reader.ts";
import { FrameBarrier } from "./frame-barrier.ts";
import { PictureReader } from "./picture-reader.ts";
import { isSequenceHeader } from "../source-tag.ts";

export type OutputSinks = {
  /** For every rung that this ffmpeg encodes, in its order: who shows it. */
  readonly shownBy: readonly (readonly RungOutput[])[];
  /** Set: audio is encoded as well. */
  readonly audio: AudioOutput | undefined;
  /** Undefined until something was put in that decoding can begin with. */
  readonly clock: () => EngineClock | undefined;
  readonly onProgress: (progress: Progress) => void;
  /** A rung, or the audio behind the rungs, has delivered a frame. */
  readonly onFrame: (output: number) => void;
  readonly onPicture: (ptsMs: number, jpeg: Uint8Array) => void;
};

/** Takes the bytes of a file descriptor in any portions. @throws FlvError, BoxError */
export type OutputReader = (fd: number, chunk: Uint8Array) => void;

export function createOutputReader(sinks: OutputSinks): OutputReader {
  const { shownBy, audio, clock, onFrame } = sinks;
  const progress = new ProgressReader(sinks.onProgress);
  const barrier = new FrameBarrier(shownBy.length, (rung, tag) => {
    for (const output of shownBy[rung] ?? []) output.push(tag, clock());
  });
  const readTags = (output: number, type: FlvTag["type"], take: (tag: FlvTag) => void) =>
    new FlvReader((tag) => {
      if (tag.type !== type) return;
      if (!isSequenceHeader(tag)) onFrame(output);
      take(tag);
    });
  const readers: { push(chunk: Uint8Array): void }[] = shownBy.map((_, rung) =>
    readTags(rung, "video", (tag) => barrier.push(rung, tag))
  );
  if (audio !== undefined) {
    readers.push(readTags(shownBy.length, "audio", (tag) => audio.push(tag, clock())));
  }
  readers.push(new PictureReader(sinks.onPicture));
  return (fd, chunk) => {
    if (fd === 1) progress.push(chunk);
    else readers[fd - FIRST_OUTPUT_FD]?.push(chunk);
  };
}
