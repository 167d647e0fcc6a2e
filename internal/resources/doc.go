// Package resources says what objects a pair consists of: it turns an HAPair, and what the operator resolved for it,
// into the pods, configuration, credentials, rights and Service of its two units, as configurations for server-side
// apply.
//
// It decides what things look like, not when they are made, replaced or left alone: that is the affair of
// controllers/hapair, its only caller. It does no I/O and has no clock; the same input gives the same bytes, which is
// what lets the operator tell an outdated pod by its hash.
package resources
