#!/bin/sh
# The probe of provider.sh for providertest: probe.sh begin|check|end NAME.
reply=$(mktemp -u) && mkfifo "$reply" || exit 2
trap 'rm -f "$reply"' EXIT
exec 3<> "$reply"
echo "$1 $2 $reply" > "${TICKETS:-/tmp}/requests"
[ "$(timeout 4 head -n 1 <&3)" = yes ]
