package credentials_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/credentials"
)

// other is an authority of another issuer, or a certificate that it signed.
type other struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newOther(t *testing.T, name string, signer *other, change func(*x509.Certificate)) *other {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now, NotAfter: now.Add(90 * day), BasicConstraintsValid: true,
	}
	change(template)
	made := &other{key: key}
	parent := signer
	if parent == nil {
		parent = &other{certificate: template, key: key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent.certificate, &key.PublicKey, parent.key)
	if err == nil {
		made.certificate, err = x509.ParseCertificate(raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func authorityOf(template *x509.Certificate) {
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
}

func unitOf(name string) func(*x509.Certificate) {
	return func(template *x509.Certificate) {
		template.DNSNames = []string{name}
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
}

func (o *other) text() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.certificate.Raw})
}

// pair returns what cert-manager writes into a Secret: the certificate, its intermediate certificates, and the key.
func (o *other) pair(t *testing.T, behind ...*other) credentials.KeyPair {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(o.key)
	if err != nil {
		t.Fatal(err)
	}
	text := o.text()
	for _, certificate := range behind {
		text = append(text, certificate.text()...)
	}
	return credentials.KeyPair{
		Certificate: text, Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}
}

func TestCheckIssued(t *testing.T) {
	root := newOther(t, "root", nil, authorityOf)
	stranger := newOther(t, "stranger", nil, authorityOf)
	intermediate := newOther(t, "intermediate", root, authorityOf)
	unit := newOther(t, "", root, unitOf(names[0]))
	peers := newOther(t, "", root, unitOf(names[1]))
	deep := newOther(t, "", intermediate, unitOf(names[0]))
	self := newOther(t, "", nil, unitOf(names[0]))
	serverOnly := newOther(t, "", root, func(template *x509.Certificate) {
		unitOf(names[0])(template)
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	mixed := credentials.KeyPair{Certificate: unit.text(), Key: deep.pair(t).Key}
	all := append(append([]byte("# two\n"), stranger.text()...), root.text()...)
	for name, test := range map[string]struct {
		issued      credentials.KeyPair
		authorities []byte
		now         time.Time
		want        credentials.Verdict
		verifiers   []byte
	}{
		"of the authority":             {unit.pair(t), root.text(), now, credentials.Usable, root.text()},
		"of an intermediate authority": {deep.pair(t, intermediate), root.text(), now, credentials.Usable, root.text()},
		"of one of two authorities":    {unit.pair(t), all, now, credentials.Usable, root.text()},
		"self-signed and trusted":      {self.pair(t), self.text(), now, credentials.Usable, self.text()},
		"no certificate":               {credentials.KeyPair{}, root.text(), now, credentials.Missing, nil},
		"another key":                  {mixed, root.text(), now, credentials.Malformed, nil},
		"no authority":                 {unit.pair(t), nil, now, credentials.WrongAuthority, nil},
		"another authority":            {unit.pair(t), stranger.text(), now, credentials.WrongAuthority, nil},
		"no intermediate certificate":  {deep.pair(t), root.text(), now, credentials.WrongAuthority, nil},
		"for servers only":             {serverOnly.pair(t), root.text(), now, credentials.WrongAuthority, nil},
		"another unit's name":          {peers.pair(t), root.text(), now, credentials.WrongName, nil},
		"expired":                      {unit.pair(t), root.text(), now.Add(91 * day), credentials.Expired, nil},
		"not valid yet":                {unit.pair(t), root.text(), now.Add(-day), credentials.Usable, root.text()},
	} {
		t.Run(name, func(t *testing.T) {
			verifiers, verdict := credentials.CheckIssued(test.issued, test.authorities, names[0], test.now)
			if verdict != test.want || !bytes.Equal(verifiers, test.verifiers) {
				t.Errorf("got %v with %d bytes, want %v with %d", verdict, len(verifiers), test.want, len(test.verifiers))
			}
		})
	}
}

// A replacement is valid whenever the replaced certificate is, however wrong the operator's clock is.
func TestReplacementIsValidWheneverReplacedIs(t *testing.T) {
	a := newAuthority(t, domain)
	held := issue(t, a, names[0])
	for name, wrong := range map[string]time.Duration{
		"right": 0, "minutes behind": -10 * time.Minute, "decades behind": -40 * 365 * day, "years ahead": 9 * 365 * day,
	} {
		t.Run(name, func(t *testing.T) {
			b, err := credentials.NewAuthority(domain, now.Add(wrong), held)
			if err != nil {
				t.Fatal(err)
			}
			unit, err := credentials.Issue(b, names[0], now.Add(wrong), held)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []time.Time{now.Add(-time.Hour), now, now.Add(364 * day)} {
				if err := accepts(bundle(b), unit, names[0], at); err != nil {
					t.Errorf("at %v: %v", at, err)
				}
			}
		})
	}
}
