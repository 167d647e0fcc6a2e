package scrape

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/credentials"
)

const token = "a-token-of-some-length"

// stand is a running server with its files.
type stand struct {
	url, directory string
	client         *http.Client
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{directory: t.TempDir()}
	authority := s.renew(t)
	s.write(t, "token", []byte(token+"\n"))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "https://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, Config{
			Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "hapair_up 1\n")
			}),
			CertificateFile: s.path("tls.crt"), KeyFile: s.path("tls.key"), TokenFile: s.path("token"), Log: logr.Discard(),
		}, listener)
	}()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serving: %v", err)
		}
	})
	s.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: authority, ServerName: "primary.edge.default.hapair"},
	}}
	return s
}

// renew gives the server a certificate of a new authority.
func (s *stand) renew(t *testing.T) *x509.CertPool {
	t.Helper()
	authority, err := credentials.NewAuthority("edge.default.hapair", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own, err := credentials.Issue(authority, "primary.edge.default.hapair", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "tls.crt", own.Certificate)
	s.write(t, "tls.key", own.Key)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.Certificate)
	return pool
}

func (s *stand) path(name string) string { return filepath.Join(s.directory, name) }

func (s *stand) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *stand) get(t *testing.T, path, authorization string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestMetricsNeedTheToken(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("served", func(t *testing.T) {
		s := newStand(t)
		for name, c := range map[string]struct {
			path, authorization string
			want                int
		}{
			"the token":                  {"/metrics", "Bearer " + token, http.StatusOK},
			"the token in other letters": {"/metrics", "bearer " + token, http.StatusOK},
			"nothing":                    {"/metrics", "", http.StatusUnauthorized},
			"another token":              {"/metrics", "Bearer another-token-of-length", http.StatusUnauthorized},
			"a part of the token":        {"/metrics", "Bearer " + token[:16], http.StatusUnauthorized},
			"no scheme":                  {"/metrics", token, http.StatusUnauthorized},
			"another scheme":             {"/metrics", "Basic " + token, http.StatusUnauthorized},
			"the token for another path": {"/debug/pprof", "Bearer " + token, http.StatusNotFound},
		} {
			got, body := s.get(t, c.path, c.authorization)
			if got != c.want || (got == http.StatusOK) != strings.Contains(body, "hapair_up") {
				t.Errorf("%s: %d %q, want %d", name, got, body, c.want)
			}
		}
	})
}

func TestScrapesAreAnsweredWhileStrangersHoldConnections(t *testing.T) {
	s := newStand(t)
	start := time.Now()
	var silent []net.Conn
	for range 5 * maxConnections {
		connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = connection.Close() }()
		silent = append(silent, connection)
	}
	if status, _ := s.get(t, "/metrics", "Bearer "+token); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	_ = silent[0].SetReadDeadline(start.Add(readTimeout / 2)) // the server itself ends it after readTimeout
	if _, err := silent[0].Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the oldest silent connection was not closed")
	}
}

func TestRenewedFilesNeedNoRestart(t *testing.T) {
	s := newStand(t)
	s.write(t, "token", []byte("quite-another-token"))
	if got, _ := s.get(t, "/metrics", "Bearer "+token); got != http.StatusUnauthorized {
		t.Errorf("the old token: %d", got)
	}
	if got, _ := s.get(t, "/metrics", "Bearer quite-another-token"); got != http.StatusOK {
		t.Errorf("the new token: %d", got)
	}
	authority := s.renew(t)
	s.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		RootCAs: authority, ServerName: "primary.edge.default.hapair",
	}
	if got, _ := s.get(t, "/metrics", "Bearer quite-another-token"); got != http.StatusOK {
		t.Errorf("with the new certificate: %d", got)
	}
}

func TestBadTokenFileRefusesEveryone(t *testing.T) {
	s := newStand(t)
	for name, content := range map[string]string{
		"empty": "", "blank": strings.Repeat(" ", 40), "short": "short", "long": strings.Repeat("x", maxToken+1),
	} {
		s.write(t, "token", []byte(content))
		if got, body := s.get(t, "/metrics", "Bearer "+content); got != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %q", name, got, body)
		}
	}
	if err := os.Remove(s.path("token")); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.get(t, "/metrics", "Bearer "+token); got != http.StatusServiceUnavailable {
		t.Errorf("without a file: %d", got)
	}
}
