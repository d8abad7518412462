# One image for web and worker; everything it installs is locked by hash.
FROM python:3.12-slim
WORKDIR /otklik
COPY requirements.lock pyproject.toml ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
 && pybabel -q compile -d app/translations \
 && useradd --create-home otklik && mkdir /data && chown otklik /data
USER otklik
ENV OTKLIK_DATA_DIR=/data
EXPOSE 8000
CMD ["gunicorn", "--preload", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "app.web:app"]
