package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Names of the files in the TLS directory of a unit.
const (
	certificateFile = "tls.crt"
	keyFile         = "tls.key"
	authorityFile   = "ca.crt"
)

// Source returns the configuration of one handshake.
type Source func() (*tls.Config, error)

// Credentials returns a Source that reads a unit's certificate, key and authorities from a directory. It reads them for
// each handshake, so that a renewed certificate needs no restart. All files are of one generation. The configuration
// serves both ends of a connection. It accepts only the named peer, with a certificate of any of the authorities: there
// are two while the pair's authority is replaced.
func Credentials(directory, peerName string) Source {
	return func() (*tls.Config, error) {
		for {
			generation := generationOf(directory)
			config, err := load(generation, peerName)
			if err == nil || generationOf(directory) == generation {
				return config, err
			}
			// The files were replaced while they were read.
		}
	}
}

// link is a symbolic link to the current generation of a volume's files. A kubelet never changes a file: it writes all
// files into a new directory, moves the link there and removes the old directory. A reader that follows the link for
// each file may get the certificate of one generation and the key of another.
const link = "..data"

// generationOf returns the directory of the current files. That is the given directory if it has no link, because no
// kubelet wrote it.
func generationOf(directory string) string {
	target, err := os.Readlink(filepath.Join(directory, link))
	if err != nil {
		return directory
	}
	return filepath.Join(directory, target)
}

// load reads the files of a directory.
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

// Config returns the configuration for either end of a connection to the named peer.
func Config(certificate tls.Certificate, authorities *x509.CertPool, peerName string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		RootCAs:      authorities,
		ClientCAs:    authorities,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ServerName:   peerName,
		// A resumed session would trust a certificate that was replaced since.
		SessionTicketsDisabled: true,
		VerifyConnection:       func(c tls.ConnectionState) error { return verifyPeer(c, peerName) },
	}
}

// verifyPeer checks the peer's name at both ends. Otherwise a server would accept every certificate of the authority,
// including the unit's own.
func verifyPeer(c tls.ConnectionState, peerName string) error {
	if len(c.PeerCertificates) == 0 {
		return errors.New("the peer has sent no certificate")
	}
	if err := c.PeerCertificates[0].VerifyHostname(peerName); err != nil {
		return fmt.Errorf("the peer is not %s: %w", peerName, err)
	}
	return nil
}
