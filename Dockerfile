# One image for all roles: docker-compose.yml says which command each runs.
FROM python:3.11.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/vitalstream
COPY constraints.txt pyproject.toml README.md ./
COPY processors processors
COPY registry registry
COPY device_bridges device_bridges
COPY alerts alerts
COPY dashboards dashboards
COPY streams streams
COPY loadtest loadtest
RUN /opt/vitalstream/bin/pip install --no-cache-dir -c constraints.txt ".[kafka,stores]"

FROM python:3.11.11-slim-bookworm
# A number, so that a cluster can see that it is not root.
RUN useradd --uid 10001 --create-home vitals \
    && install -d -o vitals -g vitals /var/lib/vitals /var/lib/vitals/checkpoints /var/lib/vitals/data
COPY --from=build --chown=10001:10001 /opt/vitalstream /opt/vitalstream
ENV PATH=/opt/vitalstream/bin:$PATH
WORKDIR /var/lib/vitals
USER 10001
# Kernels are compiled once, here; a machine of another kind compiles them again at its first start.
RUN python -c "from streams.warming import warm_up; warm_up()"
CMD ["vitals", "--help"]
