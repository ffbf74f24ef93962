/**
 * What is wrong with what became of a broadcast, in sentences: empty when it is as it should be.
 */
import type { HabitOutcome } from "./broadcast.ts";
import type { MeasuredHabit } from "./measure.ts";

/** A number, or the least and the most of one. */
type Bounds = number | readonly [number, number];

export type HabitExpectation = {
  /** Pictures in every rendition; null: no video. */
  readonly frames: Bounds | null;
  /** AAC frames in every rendition; null: no audio. */
  readonly packets: Bounds | null;
  /** Of the recording. Default: nobody asks. */
  readonly durationS?: Bounds;
  /** From one packet to the next. Default 0.05. */
  readonly maxAudioStepS?: number;
  /** From one frame to the next. Default 0.05. */
  readonly maxVideoStepS?: number;
  /** How long the source's flashes are after its beeps. Default 0; null: there are no pairs. */
  readonly flashAfterBeepMs?: number | null;
  /** In the multivariant playlist. Default 30; null: nobody asks. */
  readonly frameRate?: Bounds | null;
  /** Width by height as it is shown, of the last stretch. Default: nobody asks. */
  readonly shape?: number;
  /** From init segment to init segment. Default 1. */
  readonly stretches?: Bounds;
  /** In words: among the issues. Default: there are none but of load. */
  readonly issue?: RegExp;
  /** Further issues that may be said. */
  readonly mayBeSaid?: RegExp;
  /** Faults of renditions that this habit excuses. */
  readonly excuses?: RegExp;
  /** Whether `mid` is the source itself. Default: nobody asks. */
  readonly isCopied?: boolean;
};

const AV_TOLERANCE_MS = 60;
const SHAPE_TOLERANCE = 0.02;
const SAME_TIME_S = 0.002;

export function judge(outcome: HabitOutcome, expected: HabitExpectation): string[] {
  const { ended, renditions, complaints, issues, started, isThrownOut } = outcome;
  const faults = [...complaints];
  if (isThrownOut) faults.push("the publisher was thrown out");
  if (ended.reason !== "publisher_stopped") faults.push(`${ended.reason}: ${ended.detail}`);
  faults.push(...judgeIssues(issues, expected));
  if (renditions.length === 0) faults.push("there is no recording");
  for (const rendition of renditions) {
    const found = judgeRendition(rendition, expected);
    faults.push(...found.map((fault) => `${rendition.variant.name}: ${fault}`));
  }
  faults.push(...judgeAlignment(renditions));
  const mid = started?.renditions.find(({ name }) => name === "mid");
  if (expected.isCopied !== undefined && mid !== undefined && mid.isCopy !== expected.isCopied) {
    faults.push(`mid is ${mid.isCopy ? "a" : "no"} copy`);
  }
  return faults;
}

/** What the machine is to blame for is not the habit's fault. */
const OF_LOAD = /^(?:DEGRADED|MACHINE_BUSY|RECORDING_FAILING)/;

function judgeIssues(
  issues: readonly string[],
  { issue: wanted, mayBeSaid }: HabitExpectation,
): string[] {
  const isExpected = (issue: string) =>
    [OF_LOAD, wanted, mayBeSaid].some((words) => words?.test(issue) === true);
  const isMissing = wanted !== undefined && !issues.some((issue) => wanted.test(issue));
  return [
    ...(isMissing ? [`no issue says ${wanted}`] : []),
    ...issues.filter((issue) => !isExpected(issue)).map((issue) => `issue ${issue}`),
  ];
}

function judgeRendition(one: MeasuredHabit, expected: HabitExpectation): string[] {
  const { frames, packets, maxAudioStepS = 0.05, maxVideoStepS = 0.05 } = expected;
  const { frameRate = 30, durationS, stretches = 1, shape } = expected;
  const faults = [...one.faults];
  const check = (what: string, value: number, bounds?: Bounds) => {
    if (bounds !== undefined && !isWithin(value, bounds)) {
      faults.push(`${Number(value.toFixed(3))} ${what}, expected ${describe(bounds)}`);
    }
  };
  check("frames", one.frames, frames ?? 0);
  check("decoded frames", one.decodedFrames, frames ?? 0);
  check("audio packets", one.audioPackets, packets ?? 0);
  check("s between frames", one.videoStepS, [0, maxVideoStepS]);
  check("s between audio packets", one.audioStepS, [0, maxAudioStepS]);
  check("s long", one.durationS, durationS);
  check("stretches", one.pictures.length, stretches);
  const last = one.pictures.at(-1)?.shape ?? 0;
  if (shape !== undefined && Math.abs(last / shape - 1) > SHAPE_TOLERANCE) {
    faults.push(`shown with ${last.toFixed(3)}:1, expected ${shape.toFixed(3)}:1`);
  }
  if (frames !== null && frameRate !== null) {
    check("FRAME-RATE", Number(one.variant.frameRate ?? Number.NaN), frameRate);
  }
  const all = [...faults, ...judgeLipSync(one, expected)];
  return all.filter((fault) => expected.excuses?.test(fault) !== true);
}

function judgeLipSync(one: MeasuredHabit, expected: HabitExpectation): string[] {
  const { flashAfterBeepMs: wantedMs = 0, frames, packets } = expected;
  if (wantedMs === null || frames === null || packets === null) return [];
  const foundMs = one.flashAfterBeepMs;
  if (foundMs.length === 0) return ["no flash has a beep"];
  const worstMs = Math.max(...foundMs.map((ms) => Math.abs(ms - wantedMs)));
  if (worstMs <= AV_TOLERANCE_MS) return [];
  return [`flashes after their beeps by ${foundMs.map((ms) => ms.toFixed(0)).join(", ")} ms`];
}

/** Keyframes and segments are at equal times on every rung. */
export function judgeAlignment([first, ...others]: readonly MeasuredHabit[]): string[] {
  if (first === undefined) return [];
  return others.flatMap((other) => {
    const names = `${first.variant.name} and ${other.variant.name}`;
    return [
      ...differ(`keyframes of ${names}`, first.keyframesS, other.keyframesS),
      ...differ(`segments of ${names}`, first.segmentStartsS, other.segmentStartsS),
    ];
  });
}

function differ(what: string, a: readonly number[], b: readonly number[]): string[] {
  const isSame = a.length === b.length &&
    a.every((time, index) => Math.abs(time - (b[index] ?? 0)) <= SAME_TIME_S);
  const told = (times: readonly number[]) => times.map((time) => time.toFixed(2)).join(" ");
  return isSame ? [] : [`${what} differ: ${told(a).slice(0, 120)} | ${told(b).slice(0, 120)}`];
}

function isWithin(value: number, bounds: Bounds): boolean {
  const [least, most] = typeof bounds === "number" ? [bounds, bounds] : bounds;
  return value >= least && value <= most;
}

function describe(bounds: Bounds): string {
  return typeof bounds === "number" ? String(bounds) : bounds.join(" to ");
}
