// Package transport opens connections between the units: TLS 1.3 over TCP, in which both ends have certificates. It
// carries bytes. Package wire defines what they mean, and package engine decides when to connect.
package transport
