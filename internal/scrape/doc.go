// Package scrape serves a program's Prometheus metrics: over TLS, and to nobody who does not show a token. What a unit
// counts tells how much traffic there is and when it is weakest, so it is not for everybody who reaches its pod.
package scrape
