/**
 * Habits of tracks: muted, unplugged, late, declared in a way of their own or not at all.
 */
import { metadataPayload } from "#test/helpers/rtmp-bytes.ts";
import {
  type Habit,
  inSendingOrder,
  isFrameOf,
  isHeader,
  isKeyframe,
  type WireTag,
} from "./wire-tag.ts";

type Track = "audio" | "video";

/** Leaves a track's frames of some time out: a mute, a phone call, an unplugged microphone. */
export function leaveOut(track: Track, fromMs: number, toMs = Number.POSITIVE_INFINITY): Habit {
  return (tags) =>
    tags.filter((tag) => !isFrameOf(track, tag) || tag.stampMs < fromMs || tag.stampMs >= toMs);
}

/** Leaves two to ten frames of audio out, between beeps: nothing is said, nothing is sent. */
export function pauseSound({ firstMs = 250, everyMs = 500 } = {}): Habit {
  return (tags) => {
    let [nextMs, left, pauses] = [firstMs, 0, 0];
    return tags.filter((tag) => {
      if (!isFrameOf("audio", tag)) return true;
      if (tag.stampMs >= nextMs) {
        left = 2 + (pauses * 5) % 9;
        [nextMs, pauses] = [nextMs + everyMs, pauses + 1];
      }
      left -= 1;
      return left < 0;
    });
  };
}

/** Everything of a track left out, its header as well. */
export function without(track: Track): Habit {
  return (tags) => tags.filter((tag) => tag.type !== track);
}

/** Frames of a track that nobody describes. */
export function withoutHeader(track: Track): Habit {
  return (tags) => tags.filter((tag) => tag.type !== track || !isHeader(tag));
}

/** A header that comes so long after the start, behind some of its frames. */
export function delayHeader(track: Track, ms: number): Habit {
  return (tags) => {
    const { sentMs = 0, stampMs = 0 } = tags[0] ?? {};
    const late = { sentMs: sentMs + ms, stampMs: stampMs + ms };
    return inSendingOrder(
      tags.map((tag) => tag.type === track && isHeader(tag) ? { ...tag, ...late } : tag),
    );
  };
}

/** A track that is plugged in so long after the start: its header comes with the first frame. */
export function plugInLate(track: Track, ms: number): Habit {
  return (tags) => {
    const { stampMs = 0 } = tags[0] ?? {};
    return delayHeader(track, ms)(leaveOut(track, 0, stampMs + ms)(tags));
  };
}

/** All of a track sent and stamped later. */
export function shiftTrack(track: Track, ms: number): Habit {
  return (tags) =>
    inSendingOrder(
      tags.map((tag) =>
        tag.type === track ? { ...tag, sentMs: tag.sentMs + ms, stampMs: tag.stampMs + ms } : tag
      ),
    );
}

/** A relay's start: the descriptions at once, sound from there on, the picture from a keyframe on. */
export function joinAt(ms: number): Habit {
  return (tags) => {
    const descriptions = tags.filter((tag) => tag.type === "script" || isHeader(tag));
    const keyframe = tags.find((tag) => isKeyframe(tag) && tag.stampMs >= ms);
    const frames = tags.filter((tag) =>
      (isFrameOf("audio", tag) && tag.stampMs >= ms) ||
      (isFrameOf("video", tag) && tag.stampMs >= (keyframe?.stampMs ?? Number.POSITIVE_INFINITY))
    );
    return [
      ...descriptions.map((tag) => ({ ...tag, sentMs: ms, stampMs: ms })),
      ...frames,
    ];
  };
}

/** The publisher's own words about its stream; null: none. */
export function describeAs(values: Parameters<typeof metadataPayload>[0] | null): Habit {
  return (tags) => {
    const others = tags.filter(({ type }) => type !== "script");
    const { sentMs = 0, stampMs = 0 } = tags[0] ?? {};
    if (values === null) return others;
    const metadata: WireTag = { type: "script", sentMs, stampMs, body: metadataPayload(values) };
    return [metadata, ...others];
  };
}

/** Only what is sent before `toMs`. */
export function stopAt(toMs: number): Habit {
  return (tags) => tags.filter(({ sentMs }) => sentMs < toMs);
}
