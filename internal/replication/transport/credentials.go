package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Names of the files in a unit's TLS directory.
const (
	certificateFile = "tls.crt"
	keyFile         = "tls.key"
	authorityFile   = "ca.crt"
)

// Source makes the configuration of one handshake.
type Source func() (*tls.Config, error)

// Credentials reads a unit's certificate, key and authority from a directory. They are read anew for each handshake,
// so that a renewed certificate needs no restart. The configuration serves either side of a connection, and accepts no
// peer but the one that is named.
func Credentials(directory, peerName string) Source {
	return func() (*tls.Config, error) {
		certificate, err := tls.LoadX509KeyPair(filepath.Join(directory, certificateFile), filepath.Join(directory, keyFile))
		if err != nil {
			return nil, fmt.Errorf("reading the unit's certificate: %w", err)
		}
		pem, err := os.ReadFile(filepath.Join(directory, authorityFile))
		if err != nil {
			return nil, fmt.Errorf("reading the pair's authority: %w", err)
		}
		authority := x509.NewCertPool()
		if !authority.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the pair's authority: no certificate in %s", filepath.Join(directory, authorityFile))
		}
		return Config(certificate, authority, peerName), nil
	}
}

// Config is the configuration of either side of a connection to the named peer.
func Config(certificate tls.Certificate, authority *x509.CertPool, peerName string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		RootCAs:      authority,
		ClientCAs:    authority,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ServerName:   peerName,
		// A resumed session would trust a certificate that has been replaced since.
		SessionTicketsDisabled: true,
		VerifyConnection:       func(c tls.ConnectionState) error { return verifyPeer(c, peerName) },
	}
}

// verifyPeer checks the peer's name on both sides: a server would otherwise accept whomever the authority signed,
// the unit itself included.
func verifyPeer(c tls.ConnectionState, peerName string) error {
	if len(c.PeerCertificates) == 0 {
		return errors.New("the peer showed no certificate")
	}
	if err := c.PeerCertificates[0].VerifyHostname(peerName); err != nil {
		return fmt.Errorf("the peer is not %s: %w", peerName, err)
	}
	return nil
}
