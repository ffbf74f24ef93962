import { describe, expect, test } from "vitest";
import type { RungPlan } from "../../formats/media.ts";
import { buildFfmpegArgs, type FfmpegJob } from "./ffmpeg-args.ts";
import { toFrameRate } from "../../formats/frame-rate.ts";

function rung(name: RungPlan["name"], width: number, height: number): RungPlan {
  return { name, width, height, videoBitrateBps: 1_000_000, isCopy: false };
}

const job: FfmpegJob = {
  rungs: [rung("low", 640, 360), rung("high", 1280, 720)],
  rate: toFrameRate(29.97),
  encodesAudio: false,
  segmentTargetMs: 2000,
  encoder: "libx264",
  isHurried: false,
  pictureSize: null,
  frameModeFlag: "-fps_mode",
  showFromS: null,
};

const PICTURE_SIZE = { width: 160, height: 90 };

const valueOf = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];

describe("buildFfmpegArgs()", () => {
  test("decodes once and scales each rung from the source", () => {
    expect(valueOf(buildFfmpegArgs(job), "-filter_complex")).toBe(
      "[0:v:0]format=yuv420p,split=2[s0][s1];" +
        "[s0]scale=640:360,setsar=1[v0];[s1]scale=1280:720,setsar=1[v1]",
    );
  });

  test("makes one picture of two fields, once for all rungs", () => {
    const graph = valueOf(
      buildFfmpegArgs({ ...job, isInterlaced: true, showFromS: 2 }),
      "-filter_complex",
    );
    expect(graph).toMatch(/trim=start=2.000000,yadif=[^,]+,format=yuv420p,split=2/);
    expect(valueOf(buildFfmpegArgs(job), "-filter_complex")).not.toContain("yadif");
  });

  test("gives each rung its pipe, the exact rate and the ceiling", () => {
    const args = buildFfmpegArgs(job);
    expect(args.filter((arg) => arg.startsWith("pipe:"))).toEqual([
      "pipe:1",
      "pipe:0",
      "pipe:3",
      "pipe:4",
    ]);
    expect(valueOf(args, "-r")).toBe("30000/1001");
    expect(valueOf(args, "-maxrate")).toBe("1000000");
  });

  test("shows only what is new after a restart, without short first segments", () => {
    const args = buildFfmpegArgs({ ...job, showFromS: 12.345 });
    expect(valueOf(args, "-filter_complex")).toMatch(/^\[0:v:0\]trim=start=12.345000,/);
    expect(valueOf(args, "-force_key_frames")).toContain("if(lt(n_forced,3),2,2)");
    expect(valueOf(buildFfmpegArgs(job), "-force_key_frames")).toContain("if(lt(n_forced,3),1,2)");
  });

  test("keeps the source's frames and keyframes beside a copy of it", () => {
    const args = buildFfmpegArgs({ ...job, rate: null });
    expect(args).not.toContain("-r");
    expect(valueOf(args, "-fps_mode")).toBe("passthrough");
    expect(valueOf(args, "-force_key_frames")).toBe("source");
    expect(buildFfmpegArgs({ ...job, rate: null, frameModeFlag: "-vsync" })).toContain("-vsync");
  });

  test("keeps small work on one core", () => {
    const args = buildFfmpegArgs({ ...job, isSplit: false });
    expect(valueOf(args, "-filter_complex_threads")).toBe("1");
    // The decoder's own, and one of each encoder.
    expect(args.filter((arg) => arg === "-threads")).toHaveLength(3);
    expect(buildFfmpegArgs(job)).not.toContain("-filter_complex_threads");
  });

  test("takes pictures on the last pipe, where there is video", () => {
    const args = buildFfmpegArgs({ ...job, pictureSize: PICTURE_SIZE, encodesAudio: true });
    expect(args.at(-1)).toBe("pipe:6");
    expect(valueOf(args, "-filter_complex")).toContain("split=3[s0][s1][s]");
    const audioOnly = {
      ...{ ...job, rungs: [], encodesAudio: true },
      pictureSize: PICTURE_SIZE,
    };
    expect(buildFfmpegArgs(audioOnly).at(-1)).toBe("pipe:3");
  });

  test("holds no picture back for threads that would encode the next ones", () => {
    const args = buildFfmpegArgs({ ...job, pictureSize: PICTURE_SIZE });
    expect(valueOf(args.slice(args.indexOf("mjpeg")), "-threads")).toBe("1");
  });

  test("takes pictures of one size, between bars where the shape is another", () => {
    const graphOf = (width: number, height: number) =>
      valueOf(
        buildFfmpegArgs({ ...job, rungs: [rung("low", width, height)], pictureSize: PICTURE_SIZE }),
        "-filter_complex",
      );
    expect(graphOf(640, 360)).toContain(",scale=160:90:out_range=full,setsar=1,");
    expect(graphOf(360, 640)).toContain(
      ",scale=50:90:out_range=full,pad=160:90:(ow-iw)/2:(oh-ih)/2,setsar=1,",
    );
  });

  test("hurries at the price of the picture", () => {
    expect(buildFfmpegArgs({ ...job, isHurried: true }).lastIndexOf("ultrafast")).toBeGreaterThan(
      0,
    );
    expect(buildFfmpegArgs(job)).not.toContain("ultrafast");
  });

  test("touches audio only when it must be encoded, and video only when there is some", () => {
    expect(buildFfmpegArgs(job)).not.toContain("-c:a");
    const audioOnly = buildFfmpegArgs({ ...job, rungs: [], encodesAudio: true });
    expect(audioOnly).not.toContain("-c:v");
    expect(audioOnly.at(-1)).toBe("pipe:3");
  });
});
