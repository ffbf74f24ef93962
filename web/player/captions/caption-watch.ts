/**
 * Looks whether what hls.js plays has captions: the multivariant playlist says so, or, where they have
 * come since it was read, the pictures do.
 */
import { type BufferAppendingData, Events, type Hls } from "hls.js/light";
import { hasCaptions } from "./caption-mark.ts";
import type { CaptionTracks } from "./caption-tracks.ts";

/** Media as it goes into a browser's buffer. */
export type BufferedMedia =
  | { readonly kind: "init"; readonly bytes: Uint8Array }
  | {
    readonly kind: "media";
    readonly bytes: Uint8Array;
    /** From its own times to the player's. */
    readonly offsetS: number;
    /** Another one is behind a discontinuity. */
    readonly stretchNumber: number;
  };

/** A bundle of its own: few broadcasts have captions. */
const loadTracks = () => import("./caption-tracks.ts");

export class CaptionWatch {
  readonly #video: HTMLVideoElement;
  #declared: "some" | "none" | "unknown" = "unknown";
  #init: BufferedMedia | null = null;
  /** What has come while the tracks are on their way; null: they are not. */
  #waiting: BufferedMedia[] | null = null;
  #tracks: CaptionTracks | null = null;
  #isDestroyed = false;

  constructor(hls: Hls, video: HTMLVideoElement) {
    this.#video = video;
    hls.on(Events.MANIFEST_LOADED, (_event, { captions = [], levels }) => {
      const isDenied = levels.every(({ attrs }) => attrs["CLOSED-CAPTIONS"] === "NONE");
      this.#declared = captions.length > 0 ? "some" : isDenied ? "none" : "unknown";
      this.#tracks?.clear();
    });
    hls.on(Events.BUFFER_APPENDING, (_event, data) => this.#take(mediaOf(data)));
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#tracks?.destroy();
  }

  #take(media: BufferedMedia): void {
    if (media.kind === "init") this.#init = media;
    if (this.#tracks !== null) return this.#tracks.read(media);
    if (this.#waiting !== null) this.#waiting.push(media);
    else if (media.kind === "media" && this.#isCaptioned(media.bytes)) {
      this.#waiting = this.#init === null ? [media] : [this.#init, media];
      // Without them the picture still plays.
      this.#load().catch(() => this.#declared = "none");
    }
  }

  #isCaptioned(bytes: Uint8Array): boolean {
    return this.#declared === "some" || this.#declared === "unknown" && hasCaptions(bytes);
  }

  async #load(): Promise<void> {
    const { CaptionTracks: Tracks } = await loadTracks();
    if (this.#isDestroyed) return;
    const tracks = new Tracks(this.#video);
    this.#tracks = tracks;
    for (const media of this.#waiting ?? []) tracks.read(media);
    this.#waiting = null;
  }
}

function mediaOf({ data: bytes, frag, offset = 0 }: BufferAppendingData): BufferedMedia {
  if (frag.sn === "initSegment") return { kind: "init", bytes };
  return { kind: "media", bytes, offsetS: offset, stretchNumber: frag.cc };
}
