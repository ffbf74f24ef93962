import { expect, test } from "vitest";
import { createStreamKeys } from "./stream-keys.ts";

const SECRET = "a secret of at least thirty-two characters";

test("create() gives a key that open() shows again, across restarts", async () => {
  const { streamKey, hash, sealed } = await (await createStreamKeys(SECRET)).create("channel");
  expect(streamKey).toMatch(/^sk_[a-z0-9]{32}$/);
  const restarted = await createStreamKeys(SECRET);
  expect(await restarted.open("channel", sealed)).toBe(streamKey);
  expect(await restarted.hash(streamKey)).toEqual(hash);
  expect(hash).toHaveLength(32);
  expect(Buffer.from(sealed).toString("latin1")).not.toContain(streamKey);
});

test("open() refuses another channel, another secret and changed bytes", async () => {
  const keys = await createStreamKeys(SECRET);
  const { sealed } = await keys.create("channel");
  await expect(keys.open("another", sealed)).rejects.toThrow();
  await expect((await createStreamKeys(`${SECRET}!`)).open("channel", sealed)).rejects.toThrow();
  const changed = Uint8Array.from(sealed);
  changed[20] = (changed[20] ?? 0) ^ 1;
  await expect(keys.open("channel", changed)).rejects.toThrow();
});

test("open() shows the new key after a rotation", async () => {
  const keys = await createStreamKeys(SECRET);
  const first = await keys.create("channel");
  expect(await keys.open("channel", first.sealed)).toBe(first.streamKey);
  const second = await keys.create("channel");
  expect(await keys.open("channel", second.sealed)).toBe(second.streamKey);
});
