# One image for the web server, the Celery worker and beat; `docker-compose.yml` runs all three.

FROM node:22-slim AS assets
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --omit=dev
COPY scripts/build-assets.mjs scripts/
COPY healthhub/web/assets healthhub/web/assets
RUN npm run build

FROM python:3.11-slim AS packages
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin healthhub \
    && install --directory --owner healthhub --mode 700 /var/lib/healthhub
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
COPY --from=assets /app/static static
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    MALLOC_ARENA_MAX=2 \
    OPENBLAS_NUM_THREADS=1 \
    HEALTHHUB_VAR=/var/lib/healthhub
RUN python -m compileall -q fhir healthhub records screening \
    && DATABASE_URL=postgresql:///unused CELERY_BROKER_URL=redis://unused SECRET_KEY=unused \
       python manage.py translations compile
USER healthhub
VOLUME /var/lib/healthhub
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8000/healthz', headers={'Host': 'localhost'}), timeout=4)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "healthhub.wsgi:application"]
