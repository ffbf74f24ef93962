import { expect, test } from "vitest";
import { validated } from "./preferences.ts";

test("validated() keeps what it knows", () => {
  const kept = { volume: 0.4, isMuted: false, heightPx: 480, captions: "CC1" };
  expect(validated({ ...kept, other: 1 })).toEqual(kept);
});

test.each([null, 7, "text", [], { volume: 2 }, { volume: "1" }, { isMuted: 1 }, { heightPx: -1 }, {
  captions: 1,
}])(
  "validated() of %j is nothing",
  (kept) => {
    expect(validated(kept)).toEqual({});
  },
);
