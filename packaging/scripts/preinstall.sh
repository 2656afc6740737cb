#!/bin/sh
# rpm gives files their owner while it unpacks them: the user must be there before. For dpkg postinstall.sh does it.
set -e

user=innius_exporter
case "$1" in
[0-9]*)
    getent group "$user" >/dev/null || groupadd --system "$user"
    getent passwd "$user" >/dev/null || useradd --system --gid "$user" --home-dir /var/lib/innius_exporter --no-create-home \
        --shell /usr/sbin/nologin --comment "Prometheus exporter for innius" "$user"
    ;;
esac
