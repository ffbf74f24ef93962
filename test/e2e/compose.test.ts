/**
 * Production in `compose.yaml`: the file is sound, and the very commands of its services, each a
 * process of its own beside a real PostgreSQL and RabbitMQ, carry the journey.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser } from "../helpers/api-client.ts";
import {
  type ComposeService,
  interpolate,
  readComposeFile,
  type RunningService,
  runService,
} from "../helpers/compose-file.ts";
import { startTestPostgres, type TestPostgres } from "../helpers/postgres.ts";
import { startPublish } from "../helpers/publish.ts";
import { type Broker, startRabbitMq } from "../helpers/rabbitmq.ts";
import { until } from "../helpers/until.ts";
import { buildPages } from "#cli/dev/pages.ts";
import { choosePort } from "#cli/preflight/ports.ts";

const OURS = ["api", "media-node", "resizer"] as const;
const { services, volumes } = readComposeFile();
const dockerfile = readFileSync("Dockerfile", "utf8");
const SECRETS = {
  SLUICE_SECRET: "a".repeat(64),
  SLUICE_SERVICE_TOKEN: "b".repeat(64),
  POSTGRES_PASSWORD: "c".repeat(32),
  RABBITMQ_PASSWORD: "d".repeat(32),
};

function serviceOf(name: string): ComposeService {
  const service = services[name];
  if (service === undefined) throw new Error(`compose.yaml has no service ${name}`);
  return service;
}

/** The lines of one build stage of the Dockerfile. */
function stageOf(target: string): string {
  const stages = dockerfile.split(/^(?=FROM )/m);
  return stages.find((stage) => stage.split("\n")[0]?.endsWith(` AS ${target}`)) ?? "";
}

describe("compose.yaml", () => {
  test("has every part, with an init, a health check and named volumes", () => {
    expect(Object.keys(services)).toEqual(["postgres", "rabbitmq", ...OURS]);
    for (const service of Object.values(services)) {
      expect(service.init).toBe(true);
      expect(service.healthcheck?.test[0]).toMatch(/^CMD/);
      for (const volume of service.volumes ?? []) {
        expect(Object.keys(volumes)).toContain(volume.split(":")[0]);
      }
    }
  });

  test("no secret has a default", () => {
    const texts = Object.values(services).flatMap(({ environment = {} }) =>
      Object.entries(environment).filter(([, text]) => /SECRET|TOKEN|PASS/.test(text))
    );
    expect(texts.length).toBeGreaterThan(5);
    for (const [, text] of texts) {
      expect(() => interpolate(text, {})).toThrow(/: set /);
      expect(interpolate(text, SECRETS)).not.toContain("${");
    }
  });

  test.each(OURS)(
    "%s is a stage of the Dockerfile that ends without root and runs this command",
    (name) => {
      const { build, command } = serviceOf(name);
      const stage = stageOf(build?.target ?? "");
      const base = stage.startsWith("FROM bun-runtime") ? stageOf("bun-runtime") : "";
      expect((base + stage).match(/^USER .+$/gm)?.at(-1)).toBe("USER 10001:10001");
      expect(JSON.parse(/^CMD (.+)$/m.exec(stage)?.[1] ?? "null")).toEqual(command);
    },
  );
});

describe("its commands as processes", () => {
  let dataDirectory: string;
  let postgres: TestPostgres;
  let broker: Broker;
  let ports: { api: number; rtmp: number; hls: number };
  const running = new Map<string, RunningService>();

  /** What the containers' network, volume and published ports are here. */
  function localise(text: string): string {
    return interpolate(text, SECRETS)
      .replace(/postgres:\/\/.*@postgres:5432\/sluice/, postgres.url)
      .replace(/amqp:\/\/.*@rabbitmq:5672/, broker.url)
      .replace("http://api:8000", `http://127.0.0.1:${ports.api}`)
      .replace("localhost:8000", `127.0.0.1:${ports.api}`)
      .replace("127.0.0.1:8000", `127.0.0.1:${ports.api}`)
      .replace("localhost:1935", `127.0.0.1:${ports.rtmp}`)
      .replace("localhost:8080", `127.0.0.1:${ports.hls}`)
      .replace("127.0.0.1:8080", `127.0.0.1:${ports.hls}`)
      .replace("=/data", `=${dataDirectory}`);
  }

  function start(name: (typeof OURS)[number]): void {
    const { command = [], environment = {} } = serviceOf(name);
    const given = Object.entries(environment).map(([key, text]) => [key, localise(text)]);
    running.set(
      name,
      runService(command.map(localise), {
        ...Object.fromEntries(given) as Record<string, string>,
        SLUICE_DATA_DIR: dataDirectory,
        HOST: "127.0.0.1",
        API_PORT: String(ports.api),
        RTMP_PORT: String(ports.rtmp),
        HLS_PORT: String(ports.hls),
      }),
    );
  }

  async function isHealthy(name: (typeof OURS)[number]): Promise<boolean> {
    const [kind = "", ...argv] = serviceOf(name).healthcheck?.test ?? [];
    const command = (kind === "CMD" ? argv : ["sh", "-c", ...argv]).map(localise);
    const probe = runService(command, { DENO_DIR: join(dataDirectory, "deno") });
    return await until(() => probe.exitCode(), 20_000).then(({ code }) => code === 0);
  }

  beforeAll(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), "sluice-compose-"));
    [postgres, broker] = await Promise.all([startTestPostgres(), startRabbitMq(), buildPages()]);
    const [api, rtmp, hls] = await Promise.all([0, 0, 0].map(() => choosePort("127.0.0.1", 0)));
    ports = { api: api ?? 0, rtmp: rtmp ?? 0, hls: hls ?? 0 };
  }, 120_000);

  afterAll(async () => {
    for (const service of Array.from(running.values()).reverse()) await service.stop();
    await Promise.all([postgres?.stop(), broker?.stop()]);
    await rm(dataDirectory, { recursive: true, force: true });
  }, 60_000);

  test("each becomes healthy by its own health check", async () => {
    for (const name of OURS) {
      start(name);
      await until(() => isHealthy(name), 60_000).catch((error: unknown) => {
        throw new Error(`${name} is not healthy:\n${running.get(name)?.output() ?? ""}`, {
          cause: error,
        });
      });
    }
  }, 180_000);

  test("they carry an account, a picture and a broadcast", async () => {
    const user = await createUser(`http://127.0.0.1:${ports.api}`, "composed");
    const jpeg = await sharp({
      create: { width: 640, height: 480, channels: 3, background: "teal" },
    }).jpeg().toBuffer();
    const form = new FormData();
    form.set("image", new File([new Uint8Array(jpeg)], "me.jpg", { type: "image/jpeg" }));
    expect((await user.call("POST", "/user/profile-picture", form)).status).toBe(202);
    const channel = await user.call<{ streamKey: string }>("POST", "/user/channel");
    const video = await user.call<{ id: string; url: string; playbackUrl: string }>(
      "POST",
      "/user/channel/videos",
      { title: "Composed" },
    );
    const publish = startPublish(
      `rtmp://127.0.0.1:${ports.rtmp}/streaming/${channel.body.streamKey}`,
    );
    try {
      await until(async () => (await fetch(video.body.playbackUrl)).status === 200, 40_000);
      const page = await fetch(`http://127.0.0.1:${ports.api}/watch/${video.body.url}`);
      expect(page.status).toBe(200);
      await until(async () => {
        const { body } = await user.call<{ picture: { status: string } | null }>("GET", "/user");
        return body.picture?.status === "ready";
      }, 30_000);
    } finally {
      await publish.stop();
    }
    await until(async () => {
      const { body } = await user.call("GET", `/user/channel/videos/${video.body.id}`);
      return body["status"] === "ENDED";
    }, 20_000);
  }, 120_000);

  test("SIGTERM drains each: exit code 0", async () => {
    for (const name of [...OURS].reverse()) {
      expect([name, await running.get(name)?.stop()]).toEqual([name, 0]);
    }
  }, 60_000);
});
