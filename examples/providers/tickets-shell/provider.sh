#!/bin/sh
# A provider in shell, see docs/providers.md. A client writes "begin|check|end NAME REPLY" to the pipe $TICKETS/requests,
# and reads yes or no from the pipe REPLY. Events come through the same pipe. It needs curl and jq.
dir=${TICKETS:-/tmp} class=http://hapair/v1/classes/tickets role=None term=0 listed= own= # own: it decides, and does not follow
api() { curl -fsS -o /dev/null --max-time 2 --unix-socket "$HAPAIR_SOCKET" "$@"; }
write() { [ "$own" ] && api "$@" "$class/entries/$name?term=$term&durable=0.25"; }
issue() { write -X PUT -d "$1" && echo "$1" > "$dir/tickets/$name"; }
cancel() { write -X DELETE && rm -f "$dir/tickets/$name"; }
reply() { if "$@"; then echo yes; else echo no; fi 1<> "$to"; }
clear() { rm -rf "$dir/tickets" && mkdir -p "$dir/tickets"; }
list() { for name in $(ls "$dir/tickets"); do echo '{"type":"Put","key":"'"$name"'","value":'"$(cat "$dir/tickets/$name")}"; done; }
clear; [ -p "$dir/requests" ] || mkfifo "$dir/requests"
while sleep 0.2; do curl -sSN --unix-socket "$HAPAIR_SOCKET" "$class?watch=true" | jq --unbuffered -r \
  '[.type, .key // "-", .role // "-", .term // "-", .revision // 0, (.value | tojson)] | join(" ")'; done > "$dir/requests" & trap 'kill $!; exit' TERM
while read -r what name to newterm revision value; do case $what in
  begin) reply issue "{\"issued\":\"$(date -Is)\"}" ;;
  check) reply [ "$own" -a -e "$dir/tickets/$name" ] ;;
  end) reply cancel ;;
  List) [ "$own" ] && [ "$to $newterm" = "$role $term" ] || { own= && clear; }; role=$to term=$newterm listed= ;;
  Put) [ "$own" ] || echo "$value" > "$dir/tickets/$name" ;;
  Delete) [ "$own" ] || rm -f "$dir/tickets/$name" ;;
  Listed) listed=yes; if [ "$own" ]; then list | api -H Content-Type:application/x-ndjson --data-binary @- "$class?term=$term&replace=true"
    else [ $role = Active ] && own=yes; fi ;;
  Role) role=$to term=$newterm own=; [ $role = Active ] && own=yes ;; esac
  case $what in Put|Delete|Listed) [ "$own" ] || [ -z "$listed" ] || api -X PUT "$class/held?revision=$revision" ;; esac; done <> "$dir/requests"
