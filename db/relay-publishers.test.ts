import { expect, test } from "vitest";
import { type Relay, withoutPublisher, withPublisher } from "./relay-publishers.ts";

const at = (seconds: number) => new Date(seconds * 1000);
const idsOf = ({ publishers }: Relay) => publishers.map(({ id }) => id).join("");

function relayOf(...publishers: readonly (readonly [id: string, seconds: number])[]): Relay {
  let relay: Relay = { address: "a", publishers: [] };
  for (const [id, seconds] of publishers) relay = withPublisher(relay, id, at(seconds));
  return relay;
}

test("withPublisher() keeps the newest last, each once, and a bounded number", () => {
  expect(withPublisher(null, null, at(0))).toEqual({ address: null, publishers: [] });
  expect(idsOf(relayOf(["a", 0], ["b", 1], ["a", 2]))).toBe("ba");
  const letters = "abcdefghijklmnopqrstuvwxyz".split("");
  expect(idsOf(relayOf(...letters.map((id, n) => [id, n] as const)))).toBe("klmnopqrstuvwxyz");
});

test.each([
  ["the only one", relayOf(["a", 0]), "a", 1, true],
  ["one turned away", relayOf(["a", 0], ["b", 60]), "b", 61, false],
  ["the earlier of two, late", relayOf(["a", 0], ["b", 60]), "a", 61, false],
  ["the newest that had been on", relayOf(["a", 0], ["b", 60]), "b", 90, true],
  ["somebody unknown", relayOf(["a", 0]), "x", 90, false],
  ["nobody by name", relayOf(["a", 0]), null, 1, true],
  ["anybody where nobody was named", relayOf(), "x", 1, true],
])("withoutPublisher() of %s", (_what, relay, id, seconds, isOver) => {
  const left = withoutPublisher(relay, id, at(seconds));
  expect(left.isOver).toBe(isOver);
  expect(left.relay.publishers.some((publisher) => publisher.id === id)).toBe(false);
  if (isOver) expect(left.relay.publishers).toEqual([]);
});
