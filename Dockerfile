# Three images from one source: api (Deno), media-node (Bun and ffmpeg), resizer (Bun).
# All run as uid 10001, which owns /data, so that they can share a volume there.

FROM oven/bun:1.4.5 AS sources
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY deno.json tsconfig.json ./
COPY shared shared
COPY db db
COPY api api
COPY web web
COPY media-node media-node
COPY resizer resizer
RUN bun web/build.ts

FROM denoland/deno:2.9.6 AS api
RUN install -d -o 10001 -g 10001 /data
WORKDIR /app
COPY --from=sources /app /app
ENV SLUICE_DATA_DIR=/data DENO_DIR=/tmp/deno NO_COLOR=1
USER 10001:10001
EXPOSE 8000
ENTRYPOINT []
CMD ["deno", "run", "--no-prompt", "--allow-net", "--allow-env", "--allow-read", "--allow-write=/data", "--allow-sys", "--allow-ffi", "api/main.ts"]

FROM oven/bun:1.4.5 AS bun-runtime
RUN install -d -o 10001 -g 10001 /data
WORKDIR /app
COPY --from=sources /app /app
ENV SLUICE_DATA_DIR=/data NO_COLOR=1
USER 10001:10001
ENTRYPOINT []

FROM bun-runtime AS media-node
USER root
RUN apt-get update \
  && apt-get install -y --no-install-recommends ffmpeg util-linux \
  && rm -rf /var/lib/apt/lists/*
USER 10001:10001
EXPOSE 1935 8080
CMD ["bun", "media-node/main.ts"]

FROM bun-runtime AS resizer
ENV MALLOC_ARENA_MAX=2
CMD ["bun", "resizer/main.ts"]
