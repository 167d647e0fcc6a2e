package transport

import (
	"context"
	"net"
	"testing"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// keys returns the keys that both ends of one connection export.
func keys(t *testing.T, server, client Source) (ofServer, ofClient seal.Keys) {
	t.Helper()
	mine, theirs := net.Pipe()
	export := func(end net.Conn, secure func(context.Context, net.Conn, Source) (*Connection, error), source Source) (
		k seal.Keys, err error,
	) {
		c, err := secure(t.Context(), end, source)
		if err != nil {
			return k, err
		}
		defer func() { _ = c.Close() }()
		first, err := c.HeartbeatKeys()
		if err != nil {
			return k, err
		}
		if again, err := c.HeartbeatKeys(); err != nil || again != first {
			t.Errorf("a second call returns other keys, %v", err)
		}
		return first, nil
	}
	done := make(chan error, 1)
	go func() {
		var err error
		ofServer, err = export(mine, Accept, server)
		done <- err
	}()
	ofClient, err := export(theirs, Connect, client)
	if serverErr := <-done; err != nil || serverErr != nil {
		t.Fatalf("got %v and %v", err, serverErr)
	}
	return ofServer, ofClient
}

func TestBothEndsExportTheSameKeys(t *testing.T) {
	ca := authority(t)
	server := Credentials(directory(t, ca, "primary"), name("secondary"))
	client := Credentials(directory(t, ca, "secondary"), name("primary"))
	a, b := keys(t, server, client)
	if a.ID != b.ID || a.Send != b.Receive || a.Receive != b.Send {
		t.Error("the ends of a connection export different keys")
	}
	if a.Send == a.Receive || a.Send == (seal.Secret{}) || a.ID == (seal.KeyID{}) {
		t.Error("the keys are equal or empty")
	}
	if again, _ := keys(t, server, client); again.ID == a.ID || again.Send == a.Send || again.Receive == a.Receive {
		t.Error("two connections export the same keys")
	}
}
