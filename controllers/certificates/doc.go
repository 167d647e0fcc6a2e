// Package certificates gives each unit of a pair the certificate by which its peer recognises it.
//
// The certificates come from an authority that the operator makes for the pair, or from an issuer of cert-manager. The
// package reads and writes the Secrets and Certificates; package credentials decides, without I/O, how certificates and
// authorities are exchanged so that the units recognise each other at every instant. The HAPair reconciler calls it.
package certificates
