# leadgate with its own PostgreSQL in /data, or yours by LEADGATE_DATABASE_URL.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements-uv.lock requirements-dev.lock requirements.lock ./
RUN python -m venv /opt/leadgate \
 && /opt/leadgate/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
 && python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-uv.lock
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY migrations ./migrations
# What builds the wheel comes from the development lock, with its hash, as all else does.
RUN /opt/build/bin/uv build --wheel --out-dir /dist --build-constraints requirements-dev.lock --require-hashes \
 && /opt/leadgate/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps /dist/leadgate-*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin leadgate \
 && install -d -o leadgate -g leadgate -m 0700 /data
COPY --from=build /opt/leadgate /opt/leadgate
ENV PATH=/opt/leadgate/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LEADGATE_HOST=0.0.0.0 LEADGATE_PORT=8000 LEADGATE_DATA_DIR=/data
USER leadgate
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['LEADGATE_PORT'] + '/healthz', timeout=2)"]
CMD ["leadgate", "serve"]
