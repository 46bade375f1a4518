# Headstart in a container: the app and its offline pack; nothing is fetched when it runs.
#
#   docker build -t headstart .
#   docker run -p 8501:8501 -v headstart:/data headstart              on the processor
#   docker run -p 8501:8501 -v headstart:/data --gpus all headstart   on an NVIDIA GPU (needs the NVIDIA Container Toolkit)
#
# One image serves both: PyTorch's Linux wheel carries the CUDA libraries, which is most of the image's 7 GB, and
# Headstart says on every page which of the two it found. Runs, uploads and samples live in the volume /data.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app

# What MuJoCo draws its films with; without it they are left out in a sentence, and everything else works.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libegl1 libegl-mesa0 libgl1 \
    && rm -rf /var/lib/apt/lists/*

# Requirements first: they change seldom, so this layer is reused when only code changes.
COPY requirements.txt requirements-offline.txt constraints.txt ./
RUN pip install -c constraints.txt -r requirements.txt \
    && pip install -c constraints.txt --no-deps -r requirements-offline.txt

COPY . .

# The command `headstart`, built with the setuptools that PyTorch brought along. What runs may write no bytecode beside a
# read-only source, and would compile every module at each start of a server or a worker: it is written here.
RUN pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q app.py host.py engines pages ui

RUN useradd --create-home --uid 1000 headstart \
    && mkdir /data \
    && chown headstart:headstart /data
# By number, for who checks that it is no root. Everything but /data and /tmp may be read-only: HOME is where libraries cache.
USER 1000
ENV HEADSTART_HOME=/data \
    HOME=/data
VOLUME /data

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
