#!/bin/sh
# Stops the service when the package goes, not when another version takes its place: postinstall.sh restarts it then.
set -e

case "$1" in
remove | 0)
    if test -d /run/systemd/system; then systemctl disable --now --quiet innius_exporter.service; fi
    ;;
esac
