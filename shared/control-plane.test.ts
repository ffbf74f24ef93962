import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ControlRefusal, ControlUnavailable, createControlPlane } from "./control-plane.ts";
import { newId } from "./ids.ts";

let server: Server;
let answer: { readonly status: number; readonly body: string };
beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
});
afterAll(() => void server.close());

const tell = async (port = (server.address() as AddressInfo).port) => {
  const control = createControlPlane({ url: `http://127.0.0.1:${port}`, serviceToken: "token" });
  return await control.progress({ nodeId: newId(), broadcasts: [] }).catch((error: unknown) =>
    error
  );
};

test.each([[500, true], [501, true], [429, false], [502, false], [503, false], [504, false]])(
  "an API that answers %i has failed at what it was told: %s",
  async (status, isFault) => {
    answer = { status, body: "" };
    const error = await tell();
    expect(error).toBeInstanceOf(ControlUnavailable);
    expect(error).toMatchObject({ isFault });
  },
);

test.each(["<html>", "{}"])("an API that answers %s has failed at it, too", async (body) => {
  answer = { status: 200, body };
  expect(await tell()).toMatchObject({ name: "ControlUnavailable", isFault: true });
});

test("an API that cannot be reached has not failed at anything", async () => {
  expect(await tell(1)).toMatchObject({ name: "ControlUnavailable", isFault: false });
});

test("an API that says no is a refusal", async () => {
  answer = { status: 400, body: `{"code":"VALIDATION_FAILED","detail":"no"}` };
  const error = await tell();
  expect(error).toBeInstanceOf(ControlRefusal);
  expect(error).toMatchObject({ status: 400, code: "VALIDATION_FAILED", detail: "no" });
});
