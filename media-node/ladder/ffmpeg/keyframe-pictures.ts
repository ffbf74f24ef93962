/**
 * Small pictures of a source that nobody decodes: one ffmpeg that is given a keyframe now and then.
 * It costs what it decodes, 10 to 30 ms a picture, and no start of a program for each.
 */
import type { Logger } from "#shared/log.ts";
import { BoxError } from "../../formats/mp4/boxes.ts";
import {
  type MediaFrame,
  ptsTicksOf,
  shapeOf,
  TICKS_PER_MS,
  type VideoTrack,
} from "../../formats/media.ts";
import type { PictureSize } from "../picture-size.ts";
import { FIRST_OUTPUT_FD, INPUT_ARGS } from "./ffmpeg-args.ts";
import { writeInputFrame, writeInputHeader } from "./flv-input.ts";
import type { FrameModeFlag } from "./frame-mode.ts";
import { pictureArgs, pictureFilter } from "./picture-args.ts";
import { PictureReader } from "./picture-reader.ts";
import { type ChildExit, SupervisedProcess } from "./process.ts";

export type KeyframePicturesOptions = {
  readonly ffmpegPath: string;
  readonly frameModeFlag?: FrameModeFlag | undefined;
  readonly track: VideoTrack;
  readonly size: PictureSize;
  /** `ptsMs` on the broadcast's timeline; a picture comes after the next keyframe, or at the end. */
  readonly onPicture: (ptsMs: number, jpeg: Uint8Array) => void;
  readonly log: Logger;
};

/** After so many that gave no picture the source gives none. */
const MAX_FAILURES = 5;
/** A keyframe that is not taken by then is not taken at all: several of them, 5 s apart. */
const MAX_SKIPPED = 6;
/** So often is the first keyframe given to an ffmpeg in advance: it begins when it has seen three. */
const PRIMING = 3;
/** So that nothing is negative. */
const LEAD_MS = 1000;

const CLOCK = {
  toEngineMs: (ticks: number) => Math.max(0, Math.round(ticks / TICKS_PER_MS) + LEAD_MS),
};

const writeKeyframe = (frame: MediaFrame) => writeInputFrame(frame, CLOCK, { audio: null });

export class KeyframePictures {
  readonly #options: KeyframePicturesOptions;
  #child: SupervisedProcess | null = null;
  #failures = 0;
  #skipped = 0;
  #isStopped = false;

  constructor(options: KeyframePicturesOptions) {
    this.#options = options;
  }

  /** A keyframe to make a picture of. It is left out while one before still waits to be read. */
  push(keyframe: MediaFrame): void {
    if (this.#isStopped || this.#failures >= MAX_FAILURES) return;
    const isNew = this.#child === null;
    this.#child ??= this.#spawn(keyframe);
    if (!isNew && this.#child.queuedBytes > 0) {
      this.#skipped += 1;
      if (this.#skipped >= MAX_SKIPPED) this.#child.kill();
      return;
    }
    this.#skipped = 0;
    this.#child.write(writeKeyframe(keyframe));
  }

  /** Delivers what is under way. Resolves when the process is gone (bounded). */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#child?.stop();
  }

  #spawn(first: MediaFrame): SupervisedProcess {
    const { ffmpegPath, track, onPicture, log } = this.#options;
    const firstMs = CLOCK.toEngineMs(ptsTicksOf(first));
    const reader = new PictureReader((engineMs, jpeg) => {
      this.#failures = 0;
      if (engineMs >= firstMs) onPicture(engineMs - LEAD_MS, jpeg);
    });
    const child = new SupervisedProcess({
      argv: [ffmpegPath, ...this.#buildArgs()],
      extraOutputs: 1,
      onOutput: (fd, chunk) => {
        if (fd !== FIRST_OUTPUT_FD) return;
        try {
          reader.push(chunk);
        } catch (error) {
          if (!(error instanceof BoxError)) throw error;
          child.kill();
        }
      },
      onDrain: () => {},
      onExit: (exit) => this.#onExit(exit),
    });
    log.debug("pictures.started", { pid: child.pid });
    child.write(writeInputHeader({ video: track, audio: null }, null));
    for (let early = PRIMING; early > 0; early -= 1) {
      const dtsTicks = first.dtsTicks - early * TICKS_PER_MS;
      child.write(writeKeyframe({ ...first, dtsTicks }));
    }
    return child;
  }

  #onExit({ code, signal, stderr }: ChildExit): void {
    this.#child = null;
    this.#skipped = 0;
    if (this.#isStopped) return;
    this.#failures += 1;
    this.#options.log.warn("pictures.failed", {
      ...{ code, signal, failures: this.#failures },
      stderr: stderr.slice(-3),
    });
  }

  #buildArgs(): string[] {
    const { track, size, frameModeFlag } = this.#options;
    return [
      "-hide_banner", // no build details among the lines we keep
      "-nostdin", // stdin is media, not a keyboard
      "-loglevel",
      "error", // a missing reference is no news where only keyframes come
      "-nostats",
      ...INPUT_ARGS,
      "-filter_threads",
      "1", // a picture is not worth more
      "-vf",
      pictureFilter(size, shapeOf(track)),
      ...pictureArgs(frameModeFlag),
      `pipe:${FIRST_OUTPUT_FD}`,
    ];
  }
}
