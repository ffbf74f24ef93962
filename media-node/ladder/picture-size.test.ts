import { expect, test } from "vitest";
import { fitInto, pictureSizeOf } from "./picture-size.ts";

test.each([
  [1920, 1080, 160, 90],
  [1080, 1920, 90, 160],
  [640, 480, 160, 120],
  [64, 64, 160, 160],
  [1280, 536, 160, 68],
  [4096, 16, 160, 2],
])("pictureSizeOf() %i×%i is %i×%i", (width, height, pictureWidth, pictureHeight) => {
  expect(pictureSizeOf({ width, height })).toEqual({ width: pictureWidth, height: pictureHeight });
});

test.each([
  [1280, 720, 160, 90],
  [720, 1280, 50, 90],
  [640, 480, 120, 90],
  [3000, 500, 160, 26],
])("fitInto() puts %i×%i into 160×90 as %i×%i", (width, height, fitWidth, fitHeight) => {
  const fitting = fitInto({ width: 160, height: 90 }, { width, height });
  expect(fitting).toEqual({ width: fitWidth, height: fitHeight });
});
