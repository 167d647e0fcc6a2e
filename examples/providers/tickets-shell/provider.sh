#!/bin/sh
# A provider in shell, see docs/providers.md: it issues tickets, and they survive a failover. It needs curl and jq, and
# has room for 4,000 tickets in /tmp of its container.
# A client writes "begin NAME REPLY", "check NAME REPLY" or "end NAME REPLY" to the pipe $TICKETS/requests, and reads
# "yes" or "no" from the pipe REPLY. The events of the sidecar come through the same pipe, so there is one thing at a time.
dir=${TICKETS:-/tmp} class=http://hapair/v1/classes/tickets
role=None term=0 listed= own= # own is set while this script decides, and unset while it follows the sidecar
api() { curl -fsS -o /dev/null --max-time 2 --unix-socket "$HAPAIR_SOCKET" "$@"; }
clear() { rm -rf "$dir/tickets" && mkdir -p "$dir/tickets"; }
list() { for name in $(ls "$dir/tickets"); do echo '{"type":"Put","key":"'"$name"'","value":'"$(cat "$dir/tickets/$name")}"; done; }
reply() { if "$@"; then echo yes; else echo no; fi 1<> "$to"; }
issue() { [ "$own" ] && api -X PUT -d "$1" "$class/entries/$name?term=$term&durable=0.25" && echo "$1" > "$dir/tickets/$name"; }
cancel() { [ "$own" ] && api -X DELETE "$class/entries/$name?term=$term&durable=0.25" && rm -f "$dir/tickets/$name"; }
clear; [ -p "$dir/requests" ] || mkfifo "$dir/requests"
while sleep 0.2; do
  curl -sSN --unix-socket "$HAPAIR_SOCKET" "$class?watch=true" | jq --unbuffered -r \
    '[.type, .key // "-", .role // "-", .term // "-", .revision // 0, (.value | tojson)] | join(" ")'
done > "$dir/requests" &
trap 'kill $!; exit' TERM
while read -r what name to newterm revision value; do
  case $what in
    begin) reply issue "{\"issued\":\"$(date -Is)\"}" ;;
    check) reply [ "$own" -a -e "$dir/tickets/$name" ] ;;
    end) reply cancel ;;
    List) [ "$own" ] && [ "$to $newterm" = "$role $term" ] || { own= && clear; }; role=$to term=$newterm listed= ;;
    Put) [ "$own" ] || echo "$value" > "$dir/tickets/$name" ;;
    Delete) [ "$own" ] || rm -f "$dir/tickets/$name" ;;
    Listed) listed=yes; if [ "$own" ]; then list | api -H Content-Type:application/x-ndjson --data-binary @- "$class?term=$term&replace=true"
      elif [ $role = Active ]; then own=yes; fi ;;
    Role) role=$to term=$newterm own=; [ $role = Active ] && own=yes ;;
  esac
  case $what in Put|Delete|Listed) [ "$own" ] || [ -z "$listed" ] || api -X PUT "$class/held?revision=$revision" ;; esac
done <> "$dir/requests"
