/**
 * A relay as a process of its own, to be killed: writes a job, commits, relays, and again.
 * Prints the image id of each job once it is committed.
 */
import { createRelay } from "#api/background/relay.ts";
import { createDatabase } from "#db/client.ts";
import { addToOutbox } from "#db/outbox.ts";
import { newId } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import { createAmqpQueue } from "#shared/queue/amqp.ts";

const [databaseUrl = "", amqpUrl = "", leaseMs = ""] = process.argv.slice(2);
const { db } = createDatabase({ url: databaseUrl, poolSize: 4 });
const queue = createAmqpQueue({ url: amqpUrl, log: silentLogger });
await queue.start();
const relay = createRelay({ db, queue, log: silentLogger, leaseMs: Number(leaseMs) });
await relay.start();
for (;;) {
  const imageId = newId();
  await addToOutbox(db, {
    kind: "image",
    imageId,
    version: 1,
    purpose: "profile-picture",
    sourceKey: `originals/${imageId}`,
    targetPrefix: `pictures/${imageId}/1`,
  });
  process.stdout.write(`${imageId}\n`);
  relay.wake();
}
