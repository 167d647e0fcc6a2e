// Package pki makes the keys and certificates of the test cluster: one authority, a certificate for each program that
// listens or calls, and the key that signs service accounts' tokens.
//
// Ensure makes what is missing or about to expire and leaves the rest alone, so that an interrupted start is
// continued with the keys that are in use already. These keys protect nothing but tests; they live as long as the
// cluster's state.
package pki
