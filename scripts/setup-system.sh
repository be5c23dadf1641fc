#!/usr/bin/env bash
# Installs the system packages of the browser and lab tiers. Root on Debian (or a relative with apt-get) only.
set -euo pipefail

packages=(chromium bind9 haproxy nftables iproute2)

if ! command -v apt-get >/dev/null; then
  echo "setup:system knows apt-get only. Install these by your system's own means: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = 'install ok installed' ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup:system: all there already: ${packages[*]}"
  exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
  echo "setup:system must run as root: it installs ${missing[*]} with apt-get." >&2
  exit 1
fi

# The lab starts its own named and haproxy. Installing them must not start the packages' services beside it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi

log=$(mktemp)
echo "setup:system: installing ${missing[*]} ..."
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
  >"$log" 2>&1 </dev/null; then
  tail -n 30 "$log" >&2
  echo "setup:system: apt-get failed (the whole log: $log)" >&2
  exit 1
fi
rm -f "$log"
echo "setup:system: installed ${missing[*]}"
