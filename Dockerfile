# The service's image. Nothing is fetched when it runs; it writes no file; it is no root. See docs/deployment.md.
#
#   docker build -t redis-stream-service .
#
# DENO_IMAGE     any image with `deno` on its path: used to build, and its binary is what runs.
# RUNTIME_IMAGE  what the service runs on: glibc, /bin/sh and setsid are all that it needs.
# NPM_CONFIG_REGISTRY  a mirror of npm. The cache is kept by registry, so that the image remembers which one it was.
ARG DENO_IMAGE=denoland/deno:2.9.6
ARG RUNTIME_IMAGE=debian:12-slim

FROM ${DENO_IMAGE} AS build
ARG NPM_CONFIG_REGISTRY=
# The paths are those of the final image: what Deno caches is kept by path.
ENV NPM_CONFIG_REGISTRY=${NPM_CONFIG_REGISTRY} DENO_DIR=/deno-cache DENO_NO_UPDATE_CHECK=1
USER root
WORKDIR /app
RUN mkdir /binary && cp "$(command -v deno)" /binary/deno

# Packages first, so that a change of source does not fetch them again. A lock file that does not fit fails here; what
# only tests import is then taken out of both files, and every package is checked against the hash in the lock.
ARG TEST_PACKAGES="fast-check yaml"
COPY deno.json deno.lock ./
RUN deno install -q --frozen --lockfile-only && deno remove -q ${TEST_PACKAGES} && deno install -q --frozen

COPY main.ts mod.ts cli.ts ./
COPY src src
COPY handlers handlers
COPY tools/cli_permissions.ts tools/healthcheck.ts tools/permissions.ts tools/print_flags.ts tools/prod_permissions.ts tools/
COPY deploy/docker/entrypoint.sh deploy/docker/
# Compiled now: the file system is read-only later. Without the tests.
RUN find . -name '*_test.ts' -delete \
  && deno cache -q --frozen main.ts mod.ts cli.ts tools/cli_permissions.ts handlers/mod.ts tools/prod_permissions.ts tools/healthcheck.ts
# The service starts, finds no Redis and gives up (3): proof that nothing is missing, and its code is cached.
RUN REDIS_HOST=127.0.0.1 REDIS_PORT=1 MAX_RETRY_ATTEMPTS=1 SERVICE_PORT=0 sh deploy/docker/entrypoint.sh; \
  code=$?; test $code -eq 3 && chmod -R a+rX /app /deno-cache

FROM ${RUNTIME_IMAGE}
ARG NPM_CONFIG_REGISTRY=
LABEL org.opencontainers.image.title="redis-stream-service" \
  org.opencontainers.image.description="Consumes Redis Streams so that you only write the handlers" \
  org.opencontainers.image.licenses="MIT"
ENV NPM_CONFIG_REGISTRY=${NPM_CONFIG_REGISTRY} \
  DENO_DIR=/deno-cache \
  DENO_NO_UPDATE_CHECK=1 \
  ENVIRONMENT=production
COPY --from=build /binary/deno /usr/local/bin/deno
COPY --from=build /deno-cache /deno-cache
COPY --from=build /app /app
WORKDIR /app
# A number: Kubernetes can see that it is no root.
USER 65532:65532
EXPOSE 8000
STOPSIGNAL SIGTERM
# Liveness only: Redis being away is no reason to restart. No curl in the image, so Deno asks.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD \
  ["deno", "run", "-q", "--no-config", "--no-lock", "--cached-only", "--no-prompt", "--env-file", "--allow-env=HOST,SERVICE_PORT", \
  "--allow-net", "tools/healthcheck.ts"]
ENTRYPOINT ["/bin/sh", "/app/deploy/docker/entrypoint.sh"]
