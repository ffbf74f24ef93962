import { beforeEach, expect, test } from "vitest";
import { CueList, type SaidPiece } from "./cue-list.ts";

type Shown = { text: string; fromS: number; toS: number };

let shown: Shown[];
let list: CueList<Shown>;
beforeEach(() => {
  shown = [];
  list = new CueList<Shown>({
    create: ({ text, fromS, toS }) => {
      const cue = { text, fromS, toS };
      shown.push(cue);
      return cue;
    },
    end: (cue, toS) => cue.toS = toS,
    remove: (cue) => shown = shown.filter((one) => one !== cue),
  });
});

const say = (text: string, fromS: number, toS: number, channel = 1): SaidPiece => {
  return { channel, fromS, toS, text, isOnTop: false };
};

test("add() makes one cue of what goes on over several parts", () => {
  list.add([say("ONE", 0.4, 1)]);
  expect(shown).toEqual([{ text: "ONE", fromS: 0.4, toS: 1 }]);
  list.add([say("ONE", 1, 1.5), say("TWO", 1.7, 2)]);
  expect(shown).toEqual([
    { text: "ONE", fromS: 0.4, toS: 1.5 },
    { text: "TWO", fromS: 1.7, toS: 2 },
  ]);
});

test("add() keeps apart what is said again later, and in another channel", () => {
  list.add([say("ONE", 0, 1), say("ONE", 1.5, 2), say("ONE", 1, 2, 2)]);
  expect(shown.length).toBe(3);
});

test("replace() lets what was there already be, ends it where it ends, and takes the rest away", () => {
  list.add([say("ONE", 1, 2), say("TWO", 3, 4)]);
  const [one] = shown;
  list.replace([say("ZERO", 0, 0.5), say("ONE", 1.001, 1.5), say("ONE", 1.5, 2.5)]);
  expect(shown).toEqual([
    { text: "ONE", fromS: 1, toS: 2.5 },
    { text: "ZERO", fromS: 0, toS: 0.5 },
  ]);
  expect(shown[0]).toBe(one);
});

test("keep() forgets cues of other stretches, and touches none that remains", () => {
  list.add([say("ONE", 1, 2), say("TWO", 4, 6), say("THREE", 8, 9)]);
  list.keep([{ fromS: 5, toS: 7 }, { fromS: 20, toS: 30 }]);
  expect(shown).toEqual([{ text: "TWO", fromS: 4, toS: 6 }]);
  list.keep([]);
  expect(shown).toEqual([]);
});
