import { describe, expect, test } from "vitest";
import { DEFAULT_LADDER, ladderSchema } from "#shared/contracts/ladder.ts";
import { sourceOf } from "#test/helpers/source.ts";
import type { Source } from "../ingest/source.ts";
import { encodedRungsOf, planBroadcast, replan } from "./broadcast-plan.ts";

const ladder = ladderSchema.parse(DEFAULT_LADDER);
const ENCODE = { ladder, policy: "encode" } as const;
const AUTO = { ladder, policy: "auto" } as const;
const WIDE = sourceOf(1280, 720);

type Plan = ReturnType<typeof planBroadcast>;
const sizesOf = ({ rungs }: Plan) =>
  rungs.map(({ name, width, height, isCopy }) =>
    `${name} ${width}x${height}${isCopy ? " copied" : ""}`
  );

describe("planBroadcast()", () => {
  test("copies the source where it may and can be", () => {
    const plan = planBroadcast(AUTO, WIDE);
    expect(sizesOf(plan)).toEqual(["low 426x240", "mid 854x480", "high 1280x720 copied"]);
    expect(encodedRungsOf(plan).map(({ name }) => name)).toEqual(["low", "mid"]);
  });

  test("encodes it where the channel wants that, and where its facts cannot be trusted", () => {
    const details = { ...WIDE.details, copyObstacle: "its keyframes are not where it says" };
    for (const plan of [planBroadcast(ENCODE, WIDE), planBroadcast(AUTO, { ...WIDE, details })]) {
      expect(sizesOf(plan)).toEqual(["low 426x240", "mid 854x480", "high 1280x720"]);
      expect(encodedRungsOf(plan)).toHaveLength(3);
    }
  });

  test("gives rungs the shape that is shown, where pixels are not square", () => {
    const { video } = sourceOf(720, 576);
    const config = video === null ? null : { ...video.config, displayWidth: 1024 };
    const source: Source = {
      ...sourceOf(720, 576),
      video: video === null || config === null ? null : { ...video, config },
    };
    expect(sizesOf(planBroadcast(ENCODE, source))[0]).toBe("low 426x240");
  });
});

describe("replan()", () => {
  const plan = planBroadcast(ENCODE, WIDE);

  test("keeps the rungs and turns them when the source is turned", () => {
    const next = replan({ ...ENCODE, plan }, sourceOf(720, 1280), true);
    expect(sizesOf(next)).toEqual(["low 240x426", "mid 480x854", "high 720x1280"]);
  });

  test("fills rungs that the new source is too small for with its largest picture", () => {
    const next = replan({ ...ENCODE, plan }, sourceOf(640, 360), true);
    expect(sizesOf(next)).toEqual(["low 426x240", "mid 640x360", "high 640x360"]);
  });

  test("copies nothing any more once it may not", () => {
    const copied = planBroadcast(AUTO, WIDE);
    expect(sizesOf(replan({ ...AUTO, plan: copied }, WIDE, true))).toEqual(sizesOf(copied));
    expect(sizesOf(replan({ ...AUTO, plan: copied }, WIDE, false))).toEqual(
      ["low 426x240", "mid 854x480", "high 1280x720"],
    );
  });
});
