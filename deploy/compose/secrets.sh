#!/usr/bin/env bash
# Makes what compose.yaml needs and nobody may know, in deploy/compose/secrets: deploy/compose/secrets.sh
#
# Three tokens (admin, talk, watch), the database's address and password, Grafana's password, and a
# certificate for localhost that vouches for itself (put one of yours in edge.pem: certificate, chain,
# key). What is there stays. Nobody else can enter the folder; the files in it can be read, because the
# users inside of the containers are others.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets
cd secrets
random() { openssl rand -hex 32; }
if [ ! -f tokens ]; then
  printf 'admin %s\ntalk %s\nwatch %s\n' "$(random)" "$(random)" "$(random)" >tokens
fi
# Without a line's end, which would be a part of it.
printf %s "$(sed -n 's/^watch //p' tokens | head -n 1)" >gateway-token
if [ ! -f postgres-password ]; then
  printf %s "$(random)" >postgres-password
fi
printf 'postgresql+psycopg://todserve:%s@postgres/todserve' "$(cat postgres-password)" >database
if [ ! -f grafana-password ]; then
  printf %s "$(random)" >grafana-password
fi
if [ ! -f edge.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out edge.crt 2>/dev/null
  cat edge.crt key.pem >edge.pem
  rm key.pem
fi
chmod 644 ./*
echo "made in $PWD: $(ls -x | tr -s ' \n' ' ')"
