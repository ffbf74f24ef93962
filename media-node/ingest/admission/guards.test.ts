import { describe, expect, test } from "vitest";
import { addressGroup } from "./address.ts";
import { BoundedMap } from "./bounded-map.ts";
import { ConnectionTable, type TableEntry } from "./connection-table.ts";
import { KnockMemory } from "./knock-memory.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { RateBudget } from "./rate-budget.ts";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::9", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["unknown", "unknown"],
])("addressGroup() of %s is %s", (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

test("BoundedMap forgets its oldest entry", () => {
  const map = new BoundedMap<number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  expect([map.get("a"), map.get("b"), map.get("c"), map.size]).toEqual([3, undefined, 4, 2]);
});

test("RateBudget allows a burst of its span, then the average", () => {
  const budget = new RateBudget(10, 1000, 0);
  expect(budget.spend(10, 0)).toBe(true);
  expect(budget.canSpend(1, 50)).toBe(false);
  expect(budget.spend(1, 100)).toBe(true);
  expect(budget.spend(1, 100)).toBe(false);
  expect(budget.spend(9, 60_000)).toBe(true); // never more than the span
  expect(budget.spend(2, 60_000)).toBe(false);
});

describe("KnockMemory", () => {
  const limits = { ...DEFAULT_LIMITS, badKeyMemoryMs: 100, maxUnknownKeysPerMinute: 2 };

  test("judge() repeats the refusal of a bad key for a while", () => {
    const knocks = new KnockMemory(limits);
    knocks.rememberBad("k", "a", "unknown", 0);
    expect(knocks.judge("k", "elsewhere", 99)).toEqual({ verdict: "bad_key", reason: "unknown" });
    expect(knocks.judge("k", "elsewhere", 101)).toEqual({ verdict: "ask" });
  });

  test("judge() stops an address that tries keys, but not a key known to be good", () => {
    const knocks = new KnockMemory(limits);
    knocks.rememberGood("mine");
    knocks.rememberBad("1", "a", "unknown", 0);
    knocks.rememberBad("2", "a", "unknown", 0);
    expect(knocks.judge("3", "a", 1)).toEqual({ verdict: "too_many" });
    expect(knocks.judge("3", "b", 1)).toEqual({ verdict: "ask" });
    expect(knocks.judge("mine", "a", 1)).toEqual({ verdict: "ask" });
    expect(knocks.judge("3", "a", 60_000)).toEqual({ verdict: "ask" });
  });

  test("a good key that turns bad is not good any more", () => {
    const knocks = new KnockMemory({ ...limits, maxUnknownKeysPerMinute: 1 });
    knocks.rememberGood("k");
    knocks.rememberBad("k", "a", "revoked", 0);
    expect(knocks.judge("k", "a", 101)).toEqual({ verdict: "too_many" });
    knocks.rememberGood("k");
    expect(knocks.judge("k", "a", 101)).toEqual({ verdict: "ask" });
  });
});

describe("ConnectionTable", () => {
  type Fake = TableEntry & { evictions: string[]; isPending: boolean; isAuthorising: boolean };
  const entry = (addressGroup: string, isPending = true, isAuthorising = false): Fake => {
    const evictions: string[] = [];
    return {
      addressGroup,
      isPending,
      isAuthorising,
      evictions,
      evict: (reason) => void evictions.push(reason),
    };
  };
  const limits = {
    ...DEFAULT_LIMITS,
    maxConnections: 6,
    maxConnectionsPerAddress: 3,
    maxPending: 4,
  };

  test("add() evicts the oldest pending connection of a full address", () => {
    const table = new ConnectionTable<Fake>(limits);
    const [live, first, second, third] = [entry("a", false), entry("a"), entry("a"), entry("a")];
    for (const one of [live, first, second, third]) expect(table.add(one)).toBe(true);
    expect([live, first, second].map((one) => one.evictions.length)).toEqual([0, 1, 0]);
    expect(table.size).toBe(3);
  });

  test("add() refuses an address that is full of publishers", () => {
    const table = new ConnectionTable<Fake>(limits);
    for (let i = 0; i < 3; i += 1) expect(table.add(entry("a", false))).toBe(true);
    expect(table.add(entry("a"))).toBe(false);
    expect(table.add(entry("b"))).toBe(true);
  });

  test("add() spares a connection that is being authorised while another one can go", () => {
    const table = new ConnectionTable<Fake>(limits);
    const asking = entry("a", true, true);
    const others = ["b", "c", "d", "e"].map((group) => entry(group));
    for (const one of [asking, ...others]) expect(table.add(one)).toBe(true);
    expect(asking.evictions).toEqual([]);
    expect(others[0]?.evictions).toHaveLength(1);
  });

  test("delete() frees the address", () => {
    const table = new ConnectionTable<Fake>(limits);
    const entries = [entry("a", false), entry("a", false), entry("a", false)];
    for (const one of entries) table.add(one);
    for (const one of [...entries, ...entries]) table.delete(one);
    expect(table.size).toBe(0);
    for (let i = 0; i < 3; i += 1) expect(table.add(entry("a", false))).toBe(true);
  });
});
