package credentials_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/credentials"
)

const (
	day    = 24 * time.Hour
	domain = "edge.default.hapair"
)

var now = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func newAuthority(t *testing.T, domain string) credentials.KeyPair {
	t.Helper()
	authority, err := credentials.NewAuthority(domain, now)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func issue(t *testing.T, authority credentials.KeyPair, name string) credentials.KeyPair {
	t.Helper()
	unit, err := credentials.Issue(authority, name, now)
	if err != nil {
		t.Fatal(err)
	}
	return unit
}

func TestCheckAuthority(t *testing.T) {
	authority, other := newAuthority(t, domain), newAuthority(t, "other.default.hapair")
	unit := issue(t, authority, "primary."+domain)
	noKey := credentials.KeyPair{Certificate: authority.Certificate}
	othersKey := credentials.KeyPair{Certificate: authority.Certificate, Key: other.Key}
	notPEM := credentials.KeyPair{Certificate: []byte("x"), Key: []byte("y")}
	tests := map[string]struct {
		authority credentials.KeyPair
		now       time.Time
		want      credentials.Verdict
	}{
		"fresh":                      {authority, now, credentials.Usable},
		"no certificate":             {credentials.KeyPair{}, now, credentials.Missing},
		"no key":                     {noKey, now, credentials.Missing},
		"another key":                {othersKey, now, credentials.Malformed},
		"not PEM":                    {notPEM, now, credentials.Malformed},
		"another pair's":             {other, now, credentials.WrongAuthority},
		"a unit's":                   {unit, now, credentials.WrongAuthority},
		"valid for seven more years": {authority, now.Add(3 * 365 * day), credentials.Usable},
		"valid for less than a leaf": {authority, now.Add(9 * 365 * day), credentials.Expiring},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := credentials.CheckAuthority(test.authority, domain, test.now); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestCheckUnit(t *testing.T) {
	const name = "primary." + domain
	authority, other := newAuthority(t, domain), newAuthority(t, domain)
	unit := issue(t, authority, name)
	twice := credentials.KeyPair{Certificate: bytes.Repeat(unit.Certificate, 2), Key: unit.Key}
	authoritysKey := credentials.KeyPair{Certificate: unit.Certificate, Key: authority.Key}
	peers := issue(t, authority, "secondary."+domain)
	outside := issue(t, authority, "primary.other.default.hapair")
	tests := map[string]struct {
		unit      credentials.KeyPair
		authority []byte
		now       time.Time
		want      credentials.Verdict
	}{
		"fresh":                {unit, authority.Certificate, now, credentials.Usable},
		"no certificate":       {credentials.KeyPair{}, authority.Certificate, now, credentials.Missing},
		"key of the authority": {authoritysKey, authority.Certificate, now, credentials.Malformed},
		"two certificates":     {twice, authority.Certificate, now, credentials.Malformed},
		"of a lost authority":  {unit, other.Certificate, now, credentials.WrongAuthority},
		"authority unreadable": {unit, []byte("x"), now, credentials.WrongAuthority},
		"the authority's own":  {authority, authority.Certificate, now, credentials.WrongName},
		"of the peer":          {peers, authority.Certificate, now, credentials.WrongName},
		"outside the domain":   {outside, authority.Certificate, now, credentials.WrongName},
		"half its life":        {unit, authority.Certificate, now.Add(180 * day), credentials.Usable},
		"expiring":             {unit, authority.Certificate, now.Add(300 * day), credentials.Expiring},
		"expired":              {unit, authority.Certificate, now.Add(400 * day), credentials.Expiring},
	}
	for testName, test := range tests {
		t.Run(testName, func(t *testing.T) {
			if got := credentials.CheckUnit(test.unit, test.authority, name, test.now); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestRenewAt(t *testing.T) {
	const name = "primary." + domain
	authority := newAuthority(t, domain)
	unit := issue(t, authority, name)
	at, ok := credentials.RenewAt(unit)
	if !ok {
		t.Fatal("a fresh certificate has no time of renewal")
	}
	for when, want := range map[time.Time]credentials.Verdict{
		at.Add(-time.Second): credentials.Usable,
		at:                   credentials.Expiring,
	} {
		if got := credentials.CheckUnit(unit, authority.Certificate, name, when); got != want {
			t.Errorf("%v: got %v, want %v", when, got, want)
		}
	}
	if _, ok := credentials.RenewAt(credentials.KeyPair{}); ok {
		t.Error("no certificate has a time of renewal")
	}
}

// A TLS 1.3 session accepts the certificates, with each unit as server and as client.
func TestUnitsAcceptEachOther(t *testing.T) {
	authority := newAuthority(t, domain)
	primary := issue(t, authority, credentials.UnitName("primary", "edge", "default"))
	secondary := issue(t, authority, credentials.UnitName("secondary", "edge", "default"))
	handshake(t, authority, primary, secondary, "primary."+domain)
	handshake(t, authority, secondary, primary, "secondary."+domain)
}

func handshake(t *testing.T, authority, server, client credentials.KeyPair, serverName string) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.Certificate) {
		t.Fatal("the authority is not a certificate in PEM")
	}
	config := func(pair credentials.KeyPair) *tls.Config {
		certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}, ServerName: serverName,
			RootCAs: roots, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
			Time: func() time.Time { return now },
		}
	}
	near, far := net.Pipe()
	t.Cleanup(func() {
		if err := errors.Join(near.Close(), far.Close()); err != nil {
			t.Error(err)
		}
	})
	done := make(chan error, 1)
	go func() { done <- tls.Server(far, config(server)).HandshakeContext(t.Context()) }()
	if err := tls.Client(near, config(client)).HandshakeContext(t.Context()); err != nil {
		t.Errorf("client: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("server: %v", err)
	}
}
