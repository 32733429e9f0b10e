# Astro Runtime, with what requirements.txt names at the versions that the demo and the tests run on.
# The same file makes an image of Airflow 2.11:
#   docker build --build-arg RUNTIME_IMAGE=<an Astro Runtime -base image of Airflow 2.11> \
#     --build-arg LOCK=requirements-airflow2.lock .
# It is the -base image, which installs nothing by itself: the other one would choose versions of its
# own, and installs them before this file could say which.
ARG RUNTIME_IMAGE=astrocrpublic.azurecr.io/runtime:3.3-8-python-3.12-base
FROM ${RUNTIME_IMAGE}
ARG LOCK=requirements-airflow3.lock
USER root
COPY packages.txt .
RUN /usr/local/bin/install-system-packages
COPY requirements.txt ${LOCK} ./
# Not by pip, which takes no hashes from constraints: uv refuses a package that is not the lock's. It
# takes from the lock what requirements.txt needs, and leaves the tools of the tests out.
RUN sed -n '/^uv==/,/[^\\]$/p' ${LOCK} > uv.txt \
    && pip install --no-cache-dir --require-hashes -r uv.txt \
    && uv pip install --system --no-cache -r requirements.txt -c ${LOCK}
USER astro
COPY --chown=astro:0 . .
