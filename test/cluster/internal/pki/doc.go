// Package pki creates the keys and certificates of the test cluster: one authority, a certificate for each program that
// listens or calls, and the key that signs service accounts' tokens.
//
// Ensure creates what is missing or about to expire and leaves the rest unchanged. So an interrupted start continues
// with the keys that are in use. These keys protect only tests, and live as long as the cluster's state.
package pki
