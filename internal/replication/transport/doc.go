// Package transport makes the connection between the units: TLS 1.3 over TCP, with both sides known by certificate. It
// carries bytes; what they mean is package wire's affair, and when to connect the engine's.
package transport
