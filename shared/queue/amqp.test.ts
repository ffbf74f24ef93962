import { borrowRabbitMq } from "#test/helpers/rabbitmq.ts";
import { until } from "#test/helpers/until.ts";
import { type ChannelModel, connect } from "amqplib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../ids.ts";
import { silentLogger } from "../log.ts";
import { createAmqpQueue } from "./amqp.ts";
import { ATTEMPT_HEADER, REASON_HEADER } from "./amqp-consumer.ts";
import { nameQueues } from "./amqp-topology.ts";
import { describeQueue, newJob, recordDeliveries, TEST_POLICY } from "./queue-contract.ts";

let broker: Awaited<ReturnType<typeof borrowRabbitMq>>;
let admin: ChannelModel;

beforeAll(async () => {
  broker = await borrowRabbitMq();
  admin = await connect(broker.url);
});
afterAll(async () => {
  await admin?.close();
  await broker?.stop();
});

async function readDeadLetters(prefix: string) {
  const channel = await admin.createChannel();
  const letters = [];
  for (;;) {
    const letter = await channel.get(nameQueues(prefix).dead);
    if (letter === false) break;
    letters.push(letter);
  }
  await channel.close(); // puts them back
  return letters;
}

async function deleteQueues(prefix: string) {
  const names = nameQueues(prefix);
  const channel = await admin.createChannel();
  const retries = TEST_POLICY.retryDelaysMs.map((delayMs) => names.retry(delayMs));
  for (const queue of [names.jobs, names.dead, ...retries]) await channel.deleteQueue(queue);
  await channel.close();
}

function createFixture() {
  const prefix = `test-${newId()}`;
  return {
    prefix,
    queue: createAmqpQueue({
      url: broker.url,
      log: silentLogger,
      prefix,
      policy: TEST_POLICY,
      drainDeadlineMs: 500,
    }),
    deadLetters: async () =>
      (await readDeadLetters(prefix)).map((letter) => String(letter.properties.messageId)),
    remove: () => deleteQueues(prefix),
  };
}

describeQueue("RabbitMQ queue", () => Promise.resolve(createFixture()));

describe("RabbitMQ queue", () => {
  test("buries what is no job, and goes on", async () => {
    const { queue, prefix, deadLetters, remove } = createFixture();
    await queue.start();
    const { attemptsOf, handle } = recordDeliveries();
    await queue.consume({ prefetch: 1, handle });
    const channel = await admin.createConfirmChannel();
    for (const content of ["", "{", "[]", '{"id":"x"}', '{"id":"x","job":{"kind":"unknown"}}']) {
      channel.sendToQueue(nameQueues(prefix).jobs, Buffer.from(content));
    }
    await channel.waitForConfirms();
    const job = newJob();
    await queue.publish(job);
    await until(async () => (await deadLetters()).length === 5, 5000);
    await until(() => attemptsOf(job.id).length === 1, 5000);
    const [letter] = await readDeadLetters(prefix);
    expect(letter?.properties.headers?.[REASON_HEADER]).toBe("malformed");
    await channel.close();
    await queue.stop();
    await remove();
  });

  test("a dead letter says why and after how many attempts", async () => {
    const { queue, prefix, remove } = createFixture();
    await queue.start();
    const { handle } = recordDeliveries(() => Promise.reject(new Error("no luck")));
    await queue.consume({ prefetch: 1, handle });
    const job = newJob();
    await queue.publish(job);
    const letter = await until(async () => (await readDeadLetters(prefix))[0], 5000);
    expect(letter.properties.headers).toMatchObject({
      [ATTEMPT_HEADER]: 3,
      [REASON_HEADER]: "no luck",
    });
    expect(JSON.parse(letter.content.toString())).toEqual(job);
    await queue.stop();
    await remove();
  });

  test("a redelivery after a lost worker does not count as an attempt", async () => {
    const { queue, prefix, remove } = createFixture();
    await queue.start();
    const job = newJob();
    await queue.publish(job);
    for (let round = 0; round < 5; round += 1) {
      const channel = await admin.createChannel();
      await until(() => channel.get(nameQueues(prefix).jobs), 5000);
      await channel.close(); // without an ack, like a worker that is killed
    }
    const { deliveries, handle } = recordDeliveries();
    await queue.consume({ prefetch: 1, handle });
    await until(() => deliveries.length === 1, 5000);
    expect(deliveries[0]).toMatchObject({ queued: job, attempt: 1, isLastAttempt: false });
    await queue.stop();
    await remove();
  });

  test("declares its queues again when they are deleted under it", async () => {
    const { queue, prefix, remove } = createFixture();
    await queue.start();
    const { attemptsOf, handle } = recordDeliveries();
    await queue.consume({ prefetch: 1, handle });
    await deleteQueues(prefix);
    const job = newJob();
    await until(async () => {
      await queue.publish(job);
      return true;
    }, 8000);
    await until(() => attemptsOf(job.id).length > 0, 5000);
    await queue.stop();
    await remove();
  });

  test("publish() to a deleted queue is not taken for confirmed", async () => {
    const { queue, prefix } = createFixture();
    await queue.start(); // no consumer, so nothing tells the publisher
    await deleteQueues(prefix);
    await expect(queue.publish(newJob())).rejects.toMatchObject({
      cause: { message: expect.stringContaining("there is no queue") },
    });
    await queue.stop();
  });
});
