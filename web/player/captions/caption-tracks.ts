/**
 * Captions as text tracks of a media element. A bundle of its own, which is loaded once there are
 * captions.
 */
import { type CaptionRun, readCaptionBytes } from "./caption-bytes.ts";
import { CaptionRecord } from "./caption-record.ts";
import type { BufferedMedia } from "./caption-watch.ts";
import { CueList, type SaidPiece, type Stretch } from "./cue-list.ts";
import { type PictureTrack, readPictureTrack } from "./fragment-samples.ts";

/** What is this far from all that is loaded is forgotten, in seconds. */
const KEPT_S = 10;
/** Without one that has loaded, a browser shows no track that can be taken away. */
const NO_CUES = "WEBVTT";

export class CaptionTracks {
  readonly #video: HTMLVideoElement;
  readonly #tracks = new Map<number, HTMLTrackElement>();
  readonly #emptyUrl = URL.createObjectURL(new Blob([NO_CUES], { type: "text/vtt" }));
  readonly #cues = new CueList<VTTCue>({
    create: (piece) => this.#create(piece),
    end: (cue, toS) => cue.endTime = toS,
    remove: (cue) => {
      this.#shown.delete(cue);
      cue.track?.removeCue(cue);
    },
  });
  /** With the channel of each. */
  readonly #shown = new Map<VTTCue, number>();
  readonly #record = new CaptionRecord(this.#cues);
  #pictures: PictureTrack | null = null;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    this.#trackOf(1);
  }

  /** Media on its way into the buffer. */
  read(media: BufferedMedia): void {
    if (media.kind === "init") this.#pictures = readPictureTrack(media.bytes);
    else if (this.#pictures !== null) this.#readPictures(media, this.#pictures);
  }

  /** Another timeline begins. */
  clear(): void {
    this.#keep([]);
  }

  destroy(): void {
    for (const element of this.#tracks.values()) element.remove();
    URL.revokeObjectURL(this.#emptyUrl);
  }

  #readPictures(media: BufferedMedia & { readonly kind: "media" }, track: PictureTrack): void {
    try {
      for (const run of readCaptionBytes(media.bytes, track, media)) {
        this.#keep([spanOf(run), ...rangesOf(this.#video.buffered)].map(widened));
        this.#record.take(run);
      }
    } catch (error) {
      // What an encoder writes there may be cut off anywhere.
      if (!(error instanceof RangeError)) throw error;
    }
  }

  #keep(stretches: readonly Stretch[]): void {
    this.#record.keep(stretches);
    this.#cues.keep(stretches);
  }

  #create({ channel, fromS, toS, text, isOnTop }: SaidPiece): VTTCue {
    const cue = new VTTCue(fromS, toS, text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"));
    if (isOnTop) cue.line = 0;
    this.#shown.set(cue, channel);
    this.#trackOf(channel).addCue(cue);
    return cue;
  }

  /** A browser loads a track when it is chosen first, and takes away what was there before. */
  #fill(channel: number, track: TextTrack): void {
    for (const [cue, of] of this.#shown) if (of === channel) track.addCue(cue);
  }

  /** CC1 is there at once, the others when something is said in them. */
  #trackOf(channel: number): TextTrack {
    const element = this.#tracks.get(channel) ?? document.createElement("track");
    if (!this.#tracks.has(channel)) {
      Object.assign(element, { kind: "captions", label: `CC${channel}`, src: this.#emptyUrl });
      this.#tracks.set(channel, element);
      element.addEventListener("load", () => this.#fill(channel, element.track));
      this.#video.append(element);
    }
    return element.track;
  }
}

function spanOf({ pictures }: CaptionRun): Stretch {
  return {
    fromS: Math.min(...pictures.map(({ fromS }) => fromS)),
    toS: Math.max(...pictures.map(({ toS }) => toS)),
  };
}

function rangesOf(ranges: TimeRanges): readonly Stretch[] {
  return Array.from({ length: ranges.length }, (_, index) => {
    return { fromS: ranges.start(index), toS: ranges.end(index) };
  });
}

function widened({ fromS, toS }: Stretch): Stretch {
  return { fromS: fromS - KEPT_S, toS: toS + KEPT_S };
}
