#!/bin/sh
# dpkg calls it with "configure" and the version that was configured before, rpm with the number of versions installed.
set -e

user=innius_exporter
case "$1" in
configure) previous=$2 ;;
1) previous= ;;
[0-9]*) previous=some ;;
*) exit 0 ;;
esac

create_user() {
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers innius_exporter.conf
        return
    fi
    getent group "$user" >/dev/null || groupadd --system "$user"
    getent passwd "$user" >/dev/null || useradd --system --gid "$user" --home-dir /var/lib/innius_exporter --no-create-home \
        --shell /usr/sbin/nologin --comment "Prometheus exporter for innius" "$user"
}

systemd_runs() { test -d /run/systemd/system; }

create_user
if [ -z "$previous" ]; then
    # Once only: afterwards owner and mode are the administrator's, and dpkg and rpm keep them.
    chgrp "$user" /etc/innius_exporter /etc/innius_exporter/config.yml
fi
if systemd_runs; then
    systemctl daemon-reload
    if [ -n "$previous" ]; then systemctl try-restart innius_exporter.service; fi
fi
if [ -z "$previous" ]; then
    cat <<'TEXT'
innius_exporter is installed and not started. Three steps are left:
  1. set the url in /etc/innius_exporter/config.yml
  2. put the API key into /etc/innius_exporter/api-key:  install -m 0600 KEYFILE /etc/innius_exporter/api-key
  3. systemctl enable --now innius_exporter && systemctl status innius_exporter
TEXT
fi
