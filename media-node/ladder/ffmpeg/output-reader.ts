/**
 * Reads what one ffmpeg writes to its pipes: progress, a rung each, encoded audio, pictures.
 */
import { FlvReader } from "../../formats/flv/flv-reader.ts";
import { type Encoded, readEncoded } from "./encoded.ts";
import { FIRST_OUTPUT_FD } from "./ffmpeg-args.ts";
import { type ProgressCount, ProgressReader } from "./ffmpeg-progress.ts";
import { FrameBarrier } from "./frame-barrier.ts";
import { PictureReader } from "./picture-reader.ts";

export type OutputSinks = {
  readonly rungs: number;
  readonly hasAudio: boolean;
  /** All rungs have come as far. */
  readonly onVideo: (rung: number, encoded: Encoded) => void;
  readonly onAudio: (encoded: Encoded) => void;
  /** `engineMs`: when the picture is shown, on ffmpeg's clock. */
  readonly onPicture: (engineMs: number, jpeg: Uint8Array) => void;
  readonly onProgress: (count: ProgressCount) => void;
  /** A rung, or the audio behind the rungs, has delivered a frame. */
  readonly onFrame: (output: number) => void;
};

/** Takes the bytes of a file descriptor in any portions. @throws FlvError, BoxError */
export type OutputReader = (fd: number, chunk: Uint8Array) => void;

export function createOutputReader(sinks: OutputSinks): OutputReader {
  const progress = new ProgressReader(sinks.onProgress);
  const barrier = new FrameBarrier(sinks.rungs, sinks.onVideo);
  const read = (output: number, take: (encoded: Encoded) => void) =>
    new FlvReader((tag) => {
      const encoded = readEncoded(tag);
      if (encoded === null) return;
      if (encoded.kind === "frame") sinks.onFrame(output);
      take(encoded);
    });
  const readers: { push(chunk: Uint8Array): void }[] = Array.from(
    { length: sinks.rungs },
    (_, rung) => read(rung, (encoded) => barrier.push(rung, encoded)),
  );
  if (sinks.hasAudio) readers.push(read(sinks.rungs, sinks.onAudio));
  readers.push(new PictureReader(sinks.onPicture));
  return (fd, chunk) => {
    if (fd === 1) progress.push(chunk);
    else readers[fd - FIRST_OUTPUT_FD]?.push(chunk);
  };
}
