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
# The lock without its hashes, as constraints: it has the tools of the tests too, which do not go in.
RUN sed -n '/^[a-z0-9]/s/ *\\$//p' ${LOCK} > constraints.txt \
    && pip install --no-cache-dir -r requirements.txt -c constraints.txt
USER astro
COPY --chown=astro:0 . .
