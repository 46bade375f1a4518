#!/bin/bash
# Builds the container image. With docker or podman: they do it. Without, as root on Debian: with buildah in a chroot, which
# needs no daemon and no registry of images, on a base that debootstrap makes. docs/hosting.md says what was tried.
#
#   deploy/image.sh [showcase]        (or: make image, make image ARGS=showcase)
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-app}
case $kind in
    app) file=Dockerfile name=headstart ;;
    showcase) file=deploy/Dockerfile.showcase name=headstart-showcase ;;
    *) echo "image.sh knows app and showcase, found: $kind" >&2; exit 2 ;;
esac

for tool in docker podman; do
    if command -v "$tool" > /dev/null && "$tool" info > /dev/null 2>&1; then
        exec "$tool" build -t "$name" -f "$file" .
    fi
done

if [ "$(id -u)" != 0 ] || ! command -v buildah > /dev/null || ! command -v debootstrap > /dev/null; then
    echo "There is no docker or podman at work here. As root on Debian: apt-get install buildah debootstrap, then again." >&2
    exit 2
fi
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
base=docker.io/library/python:3.11-slim  # the name in the Dockerfiles; Debian bookworm's python3 is 3.11
if ! buildah inspect --type image "$base" > /dev/null 2>&1; then
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates bookworm "$root"
    ln -sf python3 "$root/usr/bin/python"
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root"/var/cache/apt/archives/*.deb
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$root" /
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm --squash "$container" "$base"
fi
more=()
if [ -n "${PIP_CERT:-}" ]; then  # a network with a certificate of its own: known while building, not kept in the image
    conf=$(mktemp)
    printf '[global]\ncert = /etc/ssl/own.crt\n' > "$conf"
    more=(--volume "$conf:/etc/pip.conf:ro" --volume "$PIP_CERT:/etc/ssl/own.crt:ro")
fi
# vfs copies the whole image for every layer: one layer. Only docker's format knows HEALTHCHECK.
buildah bud --pull-never --layers=false --squash --format docker "${more[@]}" -t "$name" -f "$file" .
