#!/bin/sh
# The probe of tickets for providertest: probe.sh begin|check|end NAME.
case $1 in begin) method=PUT ;; check) method=GET ;; end) method=DELETE ;; esac
exec curl -fsS --max-time 4 -X "$method" "http://$TICKETS_ADDRESS/$2"
