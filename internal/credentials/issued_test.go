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

// other is an authority that is not of this package's making, or a certificate of one.
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

// pair is what cert-manager puts into a Secret: the certificate, what stands behind it, and the key.
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

func TestJudgeIssued(t *testing.T) {
	root := newOther(t, "root", nil, authorityOf)
	stranger := newOther(t, "stranger", nil, authorityOf)
	between := newOther(t, "between", root, authorityOf)
	unit := newOther(t, "", root, unitOf(names[0]))
	peers := newOther(t, "", root, unitOf(names[1]))
	deep := newOther(t, "", between, unitOf(names[0]))
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
		vouching    []byte
	}{
		"of an authority":                  {unit.pair(t), root.text(), now, credentials.Usable, root.text()},
		"of an authority behind another":   {deep.pair(t, between), root.text(), now, credentials.Usable, root.text()},
		"of one of two authorities":        {unit.pair(t), all, now, credentials.Usable, root.text()},
		"its own authority":                {self.pair(t), self.text(), now, credentials.Usable, self.text()},
		"nothing":                          {credentials.KeyPair{}, root.text(), now, credentials.Missing, nil},
		"another's key":                    {mixed, root.text(), now, credentials.Malformed, nil},
		"no authority":                     {unit.pair(t), nil, now, credentials.WrongAuthority, nil},
		"another authority":                {unit.pair(t), stranger.text(), now, credentials.WrongAuthority, nil},
		"without what stands between":      {deep.pair(t), root.text(), now, credentials.WrongAuthority, nil},
		"good for one end alone":           {serverOnly.pair(t), root.text(), now, credentials.WrongAuthority, nil},
		"of another unit":                  {peers.pair(t), root.text(), now, credentials.WrongName, nil},
		"past its end":                     {unit.pair(t), root.text(), now.Add(91 * day), credentials.Expired, nil},
		"not yet, by a clock that is late": {unit.pair(t), root.text(), now.Add(-day), credentials.Usable, root.text()},
	} {
		t.Run(name, func(t *testing.T) {
			vouching, verdict := credentials.JudgeIssued(test.issued, test.authorities, names[0], test.now)
			if verdict != test.want || !bytes.Equal(vouching, test.vouching) {
				t.Errorf("got %v with %d bytes, want %v with %d", verdict, len(vouching), test.want, len(test.vouching))
			}
		})
	}
}

// What takes the place of certificates is accepted whenever they are, however wrong the clock is by which it is made.
func TestValidWheneverWhatItReplacesIs(t *testing.T) {
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
				if err := recognises(bundle(b), unit, names[0], at); err != nil {
					t.Errorf("at %v: %v", at, err)
				}
			}
		})
	}
}
