import { expect, test } from "vitest";
import { audioFrame, videoFrame } from "#test/helpers/source.ts";
import { TICKS_PER_MS } from "../formats/media.ts";
import { PictureWatch } from "./picture-watch.ts";

function watchOf(fps: number | null): PictureWatch {
  const watch = new PictureWatch();
  watch.restart(fps);
  return watch;
}

const absenceAt = (watch: PictureWatch, ms: number) => watch.note(audioFrame(ms));
const ticks = (ms: number) => ms * TICKS_PER_MS;

test("pictures that come are not missing", () => {
  const watch = watchOf(30);
  for (let ms = 0; ms < 3000; ms += 33) {
    expect(watch.note(videoFrame(ms))).toBeNull();
    expect(absenceAt(watch, ms + 20)).toBeNull();
  }
});

test("a second after the last picture they are missing, until one comes", () => {
  const watch = watchOf(30);
  watch.note(videoFrame(100));
  expect(absenceAt(watch, 1100)).toBeNull();
  expect(absenceAt(watch, 1110)).toEqual({
    sinceTicks: ticks(100),
    untilTicks: ticks(1110),
    isFinal: false,
  });
  expect(watch.note(videoFrame(1120))).toBeNull();
  expect(absenceAt(watch, 1130)).toBeNull();
});

test("they are missing since the last one was decoded, which may be shown later", () => {
  const watch = watchOf(15);
  for (const [dtsMs, ptsMs] of [[0, 133], [67, 333], [133, 200]] as const) {
    watch.note({ ...videoFrame(dtsMs), compositionTicks: ticks(ptsMs - dtsMs) });
  }
  expect(absenceAt(watch, 1320)).toBeNull();
  expect(absenceAt(watch, 1340)).toMatchObject({ sinceTicks: ticks(133) });
});

test("pictures that usually come late are waited for as long", () => {
  const watch = watchOf(30);
  for (let ms = 1300; ms < 5000; ms += 33) {
    absenceAt(watch, ms);
    watch.note(videoFrame(ms - 1300));
  }
  expect(absenceAt(watch, 5900)).toBeNull();
  expect(absenceAt(watch, 6100)).not.toBeNull();
});

test("the last picture of a slow camera stands until its sound ends", () => {
  const watch = watchOf(0.5);
  watch.note(videoFrame(0));
  watch.note(videoFrame(2000));
  expect(absenceAt(watch, 3980)).toBeNull();
  expect(watch.finish()).toEqual({
    sinceTicks: ticks(2000),
    untilTicks: ticks(3980),
    isFinal: true,
  });
});

test("a run that brings no picture misses it a second after it began", () => {
  const watch = watchOf(null);
  expect(absenceAt(watch, 5000)).toBeNull();
  expect(absenceAt(watch, 6000)).toBeNull();
  expect(absenceAt(watch, 6010)).toEqual({
    sinceTicks: null,
    untilTicks: ticks(6010),
    isFinal: false,
  });
});

test("a camera with a frame every two seconds misses none for six", () => {
  const known = watchOf(0.5);
  known.note(videoFrame(0));
  expect(absenceAt(known, 5990)).toBeNull();
  expect(absenceAt(known, 6010)).not.toBeNull();
  // One whose rate nobody knows is learnt from its frames.
  const learnt = watchOf(null);
  for (let frame = 0; frame < 20; frame += 1) learnt.note(videoFrame(frame * 2000));
  expect(absenceAt(learnt, 38_000 + 5900)).toBeNull();
  expect(absenceAt(learnt, 38_000 + 6010)).not.toBeNull();
});

test("another run forgets the pictures before it", () => {
  const watch = watchOf(30);
  watch.note(videoFrame(0));
  watch.restart(30);
  expect(absenceAt(watch, 5000)).toBeNull();
  expect(absenceAt(watch, 6010)).toEqual({
    sinceTicks: null,
    untilTicks: ticks(6010),
    isFinal: false,
  });
});

test("finish() says what is missing to the end, if anything is", () => {
  const watch = watchOf(30);
  watch.note(videoFrame(0));
  absenceAt(watch, 1000);
  expect(watch.finish()).toBeNull();
  absenceAt(watch, 1010);
  expect(watch.finish()).toEqual({ sinceTicks: 0, untilTicks: ticks(1010), isFinal: true });
  watch.note(videoFrame(1020));
  expect(watch.finish()).toBeNull();
});
