import { expect, test } from "vitest";
import { playWishes } from "./play-wishes.ts";

const USUAL = { autoplay: true, muted: true, controls: true, loop: false, start: undefined };

test.each([
  ["", {}],
  ["t=90", { start: 90 }],
  ["t=1.5", { start: 1.5 }],
  ["t=-1", {}],
  ["t=soon", {}],
  ["t=1e99", {}],
  ["autoplay=0&muted=0&controls=0&loop=1", {
    autoplay: false,
    muted: false,
    controls: false,
    loop: true,
  }],
  ["autoplay=yes", {}],
  ["autoplay=false", { autoplay: false, muted: false }],
  ["autoplay=0&muted=1", { autoplay: false }],
])("playWishes() of %j", (query, wishes) => {
  expect(playWishes(new URLSearchParams(query))).toEqual({ ...USUAL, ...wishes });
});
