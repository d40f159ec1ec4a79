# The tests with all that they need:   docker compose run --rm test [deno task test <arguments>]
ARG DENO_IMAGE=denoland/deno:2.9.6
FROM ${DENO_IMAGE}
ARG NPM_CONFIG_REGISTRY=
ENV NPM_CONFIG_REGISTRY=${NPM_CONFIG_REGISTRY} DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1
USER root
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends bash curl redis-server \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY deno.json deno.lock ./
RUN deno install -q --frozen
# The schemas of Kubernetes have a lock of their own.
COPY tests/deploy/schemas/deno.json tests/deploy/schemas/deno.lock tests/deploy/schemas/
RUN cd tests/deploy/schemas && deno install -q --frozen
COPY . .
# What the tests write: compiled sources, and folders of their own.
RUN mkdir -p .data && chown -R 65532:65532 .data /deno-dir
USER 65532:65532
ENTRYPOINT []
CMD ["deno", "task", "test"]
