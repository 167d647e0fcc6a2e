package boot

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// conditionTimeout is how long a program waits before it is started regardless of the condition.
	conditionTimeout  = 60 * time.Second
	conditionInterval = 100 * time.Millisecond
	attemptTimeout    = time.Second
)

// await waits until the condition holds. A program that starts before its server is ready backs off for tens of
// seconds. One that starts a moment later does not.
func (c Condition) await() error {
	check, err := c.check()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(conditionTimeout)
	for {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(conditionInterval)
	}
}

func (c Condition) check() (func() error, error) {
	switch {
	case c.Socket != "":
		return func() error { return accepts(c.Socket) }, nil
	case c.URL != "":
		client, err := newClient(c.Authority)
		return func() error { return answers(client, c.URL) }, err
	default:
		return func() error { return nil }, nil
	}
}

func accepts(socket string) error {
	conn, err := net.DialTimeout("unix", socket, attemptTimeout)
	if err != nil {
		return err
	}
	return conn.Close()
}

func answers(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s returned %s", url, response.Status)
	}
	return nil
}

func newClient(authority string) (*http.Client, error) {
	roots := x509.NewCertPool()
	if authority != "" {
		text, err := os.ReadFile(authority)
		if err != nil {
			return nil, err
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate", authority)
		}
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	return &http.Client{Timeout: attemptTimeout, Transport: transport}, nil
}
