/**
 * Media that goes before what is loaded already, in a browser that takes it only after a fresh start:
 * WebKit on GStreamer drops all of it but the last frame, unless its parser is reset and gets the init
 * segment once more.
 */
import { type BufferAppendingData, Events, type Hls } from "hls.js/light";

/** Media is dated a little differently once it is loaded. */
const ROUNDING_S = 0.1;

/** From now on `hls` resets its buffers' parsers before it loads media from before the last. */
export function resetForEarlierMedia(hls: Hls): void {
  let buffers: SourceBuffer[] = [];
  let init: BufferAppendingData | null = null;
  /** Where what the parsers got last begins; after a reset they take anything. */
  let lastS = -Infinity;
  hls.on(Events.BUFFER_CREATED, (_event, { tracks }) => {
    buffers = Object.values(tracks).map(({ buffer }) => buffer);
    lastS = -Infinity;
  });
  hls.on(Events.BUFFER_APPENDING, (_event, data) => {
    if (data.frag.sn === "initSegment") init = data;
    else lastS = (data.part ?? data.frag).start;
  });
  hls.on(Events.FRAG_LOADING, (_event, { frag, part }) => {
    const { start } = part ?? frag;
    if (frag.sn === "initSegment" || init === null || start > lastS - ROUNDING_S) return;
    lastS = -Infinity;
    const again = init;
    for (const buffer of buffers) reset(buffer, () => hls.trigger(Events.BUFFER_APPENDING, again));
  });
}

/** Waits for what is being appended: a reset would call it off. */
function reset(buffer: SourceBuffer, then: () => void): void {
  if (buffer.updating) {
    buffer.addEventListener("updateend", () => reset(buffer, then), { once: true });
    return;
  }
  buffer.abort();
  then();
}
