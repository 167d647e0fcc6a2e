// Package resources builds the objects of a pair as configurations for server-side apply: pods, settings, credentials,
// rights and the Service. Its input is the HAPair and the objects that the operator resolved for it.
//
// The package decides what the objects contain, not when the operator creates, replaces or deletes them. The
// controllers call it. It does no I/O and reads no clock: the same input gives the same bytes. The operator relies on
// that when it compares hashes to find outdated pods.
package resources
