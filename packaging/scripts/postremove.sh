#!/bin/sh
# State and key go with `apt purge` alone. rpm knows no purge and leaves both. The user stays: files may still be its own.
set -e

case "$1" in
remove | 0)
    if test -d /run/systemd/system; then systemctl daemon-reload; fi
    ;;
purge)
    rm -rf /var/lib/innius_exporter
    rm -f /etc/innius_exporter/api-key
    rmdir --ignore-fail-on-non-empty /etc/innius_exporter 2>/dev/null || true
    rm -f /etc/systemd/system/multi-user.target.wants/innius_exporter.service
    ;;
esac
