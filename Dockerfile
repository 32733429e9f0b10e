# Astro Runtime. The same file makes an Airflow 2.11 image with a runtime of that version:
#   docker build --build-arg RUNTIME_IMAGE=<an Astro Runtime image of Airflow 2.11> .
# The base image's ONBUILD steps install packages.txt and requirements.txt and copy the project.
ARG RUNTIME_IMAGE=astrocrpublic.azurecr.io/runtime:3.3-8-python-3.12
FROM ${RUNTIME_IMAGE}
