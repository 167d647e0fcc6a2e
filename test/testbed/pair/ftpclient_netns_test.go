//go:build netns

package pair_test

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/internal/ftp"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// hostOf returns a namespace as packages without tests know it.
func hostOf(n *testbed.Namespace) endurance.Host { return endurance.Namespace(namespace.Named(n.Name)) }

// serveFTP starts vsftpd on a host until the test ends, with files that anyone may read. Rate bounds a transfer in
// bytes a second; 0 does not.
func serveFTP(t *testing.T, host *testbed.Namespace, rate int, files map[string][]byte) {
	t.Helper()
	server, err := ftp.Serve(t.Context(), hostOf(host), rate, files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

// ftpMode is how a client announces data connections.
type ftpMode struct {
	// server is the address that the client connects to.
	server string
	// isActive is set if the server opens data connections, and isExtended for EPRT and EPSV (RFC 2428).
	isActive, isExtended bool
}

// ftpClient has a control connection. It fails its test.
type ftpClient struct {
	t      *testing.T
	client *ftp.Client
}

func dialFTP(t *testing.T, host *testbed.Namespace, mode ftpMode) *ftpClient {
	t.Helper()
	client, err := ftp.Dial(t.Context(), hostOf(host), ftp.Mode{
		Server: netip.MustParseAddr(mode.server), IsActive: mode.isActive, IsExtended: mode.isExtended,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &ftpClient{t: t, client: client}
}

// announce announces a data connection.
func (c *ftpClient) announce() {
	c.t.Helper()
	if err := c.client.Announce(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// fetch transfers a file over the data connection that was announced.
func (c *ftpClient) fetch(name string) ([]byte, error) { return c.client.Fetch(c.t.Context(), name) }

// transfer announces a data connection and transfers a file.
func (c *ftpClient) transfer(when, name string, want []byte) {
	c.t.Helper()
	c.announce()
	c.finish(when, name, want)
}

// finish transfers a file over the data connection that was announced before.
func (c *ftpClient) finish(when, name string, want []byte) {
	c.t.Helper()
	got, err := c.fetch(name)
	if err != nil || string(got) != string(want) {
		c.t.Fatalf("%s: %d bytes of %d, %v", when, len(got), len(want), err)
	}
}
