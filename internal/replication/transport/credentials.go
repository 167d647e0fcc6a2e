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

// Credentials reads a unit's certificate, key and authorities from a directory. They are read anew for each handshake,
// so that a renewed certificate needs no restart, and all from one generation. The configuration serves either side of
// a connection, and accepts no peer but the one that is named, by any of the authorities: while the pair's authority is
// exchanged there are two.
func Credentials(directory, peerName string) Source {
	return func() (*tls.Config, error) {
		for {
			generation := generationOf(directory)
			config, err := load(generation, peerName)
			if err == nil || generationOf(directory) == generation {
				return config, err
			}
			// They were exchanged while they were read.
		}
	}
}

// link is what a kubelet points at the generation of a volume's files that is in force. It changes no file: it writes
// all of them into a new directory, moves the link there and removes the old directory. Whoever reads one file after
// the other by the link itself may get a certificate of one generation with the key of another.
const link = "..data"

// generationOf is the directory that the files are in now; the one given where there is no link, as in a directory that
// no kubelet made.
func generationOf(directory string) string {
	target, err := os.Readlink(filepath.Join(directory, link))
	if err != nil {
		return directory
	}
	return filepath.Join(directory, target)
}

func load(directory, peerName string) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(filepath.Join(directory, certificateFile), filepath.Join(directory, keyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the unit's certificate: %w", err)
	}
	pem, err := os.ReadFile(filepath.Join(directory, authorityFile))
	if err != nil {
		return nil, fmt.Errorf("reading the pair's authorities: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the pair's authorities: no certificate in %s",
			filepath.Join(directory, authorityFile))
	}
	return Config(certificate, authorities, peerName), nil
}

// Config is the configuration of either side of a connection to the named peer.
func Config(certificate tls.Certificate, authorities *x509.CertPool, peerName string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		RootCAs:      authorities,
		ClientCAs:    authorities,
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
