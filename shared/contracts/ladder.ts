/**
 * The ladder as an operator writes it: `low=240@240,mid=480@1000,high=720@2800`
 * (name = short side in pixels @ video bitrate in kbit/s).
 */
import * as z from "zod";
import { type RenditionName, renditionNameSchema } from "./broadcast.ts";

export type LadderRung = {
  readonly name: RenditionName;
  readonly shortSidePx: number;
  readonly videoBitrateBps: number;
};

/** With its sound and all that comes along the lowest fits into a line of 500 kbit/s. */
export const DEFAULT_LADDER = "low=240@240,mid=480@1000,high=720@2800";

const RUNG = /^(low|mid|high)=(\d{2,4})@(\d{2,5})$/;

/** Parses the setting into rungs from low to high; names are distinct, sizes and bitrates grow. */
export const ladderSchema = z.string().transform((text, context): readonly LadderRung[] => {
  const rungs: LadderRung[] = [];
  for (const entry of text.split(",")) {
    const [, name, shortSide, kbps] = RUNG.exec(entry.trim()) ?? [];
    const rung = {
      name: renditionNameSchema.safeParse(name).data ?? "low",
      shortSidePx: Number(shortSide),
      videoBitrateBps: Number(kbps) * 1000,
    };
    const last = rungs.at(-1);
    const isGrowing = last === undefined ||
      (rung.shortSidePx > last.shortSidePx && rung.videoBitrateBps > last.videoBitrateBps &&
        !rungs.some((other) => other.name === rung.name));
    if (name === undefined || !isGrowing) {
      context.addIssue({
        code: "custom",
        message: `expected name=pixels@kbit/s from low to high, like ${DEFAULT_LADDER}`,
      });
      return z.NEVER;
    }
    rungs.push(rung);
  }
  return rungs;
});
