/**
 * Whether a picture moves, told from the frames it has shown. What a seek or a load brings is one
 * picture in a new place and moves nothing by itself. Pure.
 */

export type Movement = {
  /** Shown so far of what is loaded. */
  readonly frames: number;
  /** When the first frame since the load, or since the last seek, was there; null: none is yet. */
  readonly placedAtMs: number | null;
  /** When the picture last moved; null: it has not yet. */
  readonly movedAtMs: number | null;
};

export const STILL: Movement = { frames: 0, placedAtMs: null, movedAtMs: null };

/** All that comes of a seek is there by then. */
const PLACED_MS = 200;

/** The movement at `nowMs`, `frames` shown in all. */
export function noteFrames(movement: Movement, frames: number, nowMs: number): Movement {
  // Counted anew for each load.
  if (frames <= movement.frames) {
    return frames < movement.frames ? { ...movement, frames } : movement;
  }
  const placedAtMs = movement.placedAtMs ?? nowMs;
  const hasMoved = nowMs - placedAtMs >= PLACED_MS;
  return { frames, placedAtMs, movedAtMs: hasMoved ? nowMs : movement.movedAtMs };
}

/** A picture is there that is not to move. */
export function notePlace(movement: Movement, nowMs: number): Movement {
  return movement.placedAtMs === null ? { ...movement, placedAtMs: nowMs } : movement;
}

export function noteSeek(movement: Movement): Movement {
  return { ...movement, placedAtMs: null };
}
