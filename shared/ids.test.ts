import { expect, test } from "vitest";
import { newId, newStreamKey, newVideoUrl } from "./ids.ts";

test("newId() makes UUIDv7 of the time given", () => {
  const id = newId(Date.parse("2026-01-02T03:04:05.678Z"));
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const ms = Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  expect(new Date(ms).toISOString()).toBe("2026-01-02T03:04:05.678Z");
});

test("newId() sorts in the order of making, also within a millisecond", () => {
  const ids = Array.from({ length: 20_000 }, () => newId());
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(ids.length);
  const burst = Array.from({ length: 5000 }, () => newId(1_000_000));
  expect(burst).toEqual(burst.toSorted());
});

test("newId() goes back when the time given does", () => {
  expect(newId(2_000_000) > newId(1_900_000)).toBe(true);
});

test("newVideoUrl() and newStreamKey() have their shapes", () => {
  expect(newVideoUrl()).toMatch(/^[a-z0-9]{12}$/);
  expect(newStreamKey()).toMatch(/^sk_[a-z0-9]{32}$/);
});
