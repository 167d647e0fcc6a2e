#!/bin/sh
# The probe of provider.sh for providertest: probe.sh begin|check|end NAME.
requests=${TICKETS:-/tmp}/requests
[ -p "$requests" ] || exit 1 # the provider has not started
reply=$(mktemp -u) && mkfifo "$reply" || exit 2
trap 'rm -f "$reply"' EXIT
exec 3<> "$reply"
echo "$1 $2 $reply" > "$requests"
[ "$(timeout 4 head -n 1 <&3)" = yes ]
