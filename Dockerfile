# Motet with a docker client, to run Yadage workflows whose steps are containers of the host's engine:
#
#     docker build -t yadage/yadage .
#     docker run --rm -it -v $PWD:$PWD -w $PWD -v /var/run/docker.sock:/var/run/docker.sock yadage/yadage sh
#     yadage-run workdir workflow.yml inputs.yml
#
# Any Debian or Ubuntu with Python 3.11 or later will do as BASE.

ARG BASE=python:3.11-slim

FROM ${BASE} AS built
COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
COPY requirements /src/requirements
RUN python3 -m venv /usr/local/motet \
    && /usr/local/motet/bin/pip install --no-cache-dir --require-hashes \
        -r /src/requirements/build.txt -r /src/requirements/yadage.txt \
    && /usr/local/motet/bin/pip install --no-cache-dir --no-deps --no-build-isolation /src \
    && /usr/local/motet/bin/motet shims /usr/local/motet/bin

FROM ${BASE}
# The client alone where the distribution has it so.
RUN command -v docker || (apt-get update \
    && (apt-get install -y --no-install-recommends docker-cli || apt-get install -y --no-install-recommends docker.io) \
    && rm -rf /var/lib/apt/lists/*)
COPY --from=built /usr/local/motet /usr/local/motet
COPY scripts/as-owner /usr/local/bin/as-owner
ENV PATH=/usr/local/motet/bin:$PATH
ENTRYPOINT ["as-owner"]
CMD ["sh"]
