#!/usr/bin/env bash
# Installs what `npm run bench -- gateway` compares us with: nginx, HAProxy and wrk from Debian, the
# Node proxies and the chart library from npm. Only that bench needs all of it; `make test` tries what is
# there, skips the tests that need the rest, and says so.
#
# Debian would start the servers that it installs; a passing policy forbids it, so that nothing
# listens and nothing has to be stopped. Run it again at any time: what is there stays.
set -euo pipefail
cd "$(dirname "$0")"

packages=(nginx haproxy wrk)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
    missing+=("$package")
done

if ((${#missing[@]} > 0)); then
  command -v apt-get >/dev/null || {
    echo "install-peers: no apt-get here. Install ${missing[*]} yourself, then run this again." >&2
    exit 69
  }
  as_root=()
  if ((EUID != 0)); then as_root=(sudo); fi
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

npm ci --prefix peers --no-audit --no-fund --loglevel=error >/dev/null

echo "nginx    $(nginx -v 2>&1 | sed 's/.*nginx\///')"
echo "haproxy  $(haproxy -v | sed -n '1s/.*version \([^ ]*\).*/\1/p')"
echo "wrk      $( (wrk -v || true) 2>&1 | sed -n '1s/^wrk \([^ ]*\).*/\1/p')"
npm ls --prefix peers --depth 0 --parseable --long | sed -n 's/^[^:]*:\(.*\)@\([^@:]*\).*/\1  \2/p' | tail -n +2
