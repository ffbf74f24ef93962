import type { EngineStart } from "#media-node/ladder/engine.ts";

/** An engine's start without anything to do: steady 30 frames a second, from the beginning of the broadcast. */
export const PLAIN_START: EngineStart = {
  rungs: [],
  fps: 30,
  video: null,
  audio: null,
  segmentTargetMs: 2000,
  sourceClock: null,
  resume: null,
  pictureSize: null,
};
