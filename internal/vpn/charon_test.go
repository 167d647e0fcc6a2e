package vpn

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	"github.com/strongswan/govici/vici"
)

// daemon is a charon that answers each command with success, apart from those it refuses.
type daemon struct {
	commands []string
	// refused is the command that is refused. The daemon ends at the command in endsAt instead of an answer.
	refused, endsAt string
}

// connectTo returns a session with a daemon, which ends with the test.
func connectTo(t *testing.T, d *daemon) *session {
	t.Helper()
	near, far := net.Pipe()
	s, err := vici.NewSession(vici.WithDialContext(func(context.Context, string, string) (net.Conn, error) {
		return near, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.serve(far)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return &session{vici: s}
}

// Types of packets, and of an element that is a key with a value (README.md of the vici plugin of strongSwan).
const (
	packetRequest  = 0
	packetResponse = 1
	elementValue   = 3
)

// serve answers commands until the connection ends.
func (d *daemon) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	for {
		var length [4]byte
		if _, err := io.ReadFull(connection, length[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(connection, packet); err != nil || packet[0] != packetRequest {
			return
		}
		command := string(packet[2 : 2+packet[1]])
		d.commands = append(d.commands, command)
		if command == d.endsAt {
			return
		}
		answer := []byte{packetResponse}
		if command == d.refused {
			answer = appendValue(appendValue(answer, "success", "no"), "errmsg", "no reason")
		} else {
			answer = appendValue(answer, "success", "yes")
		}
		framed := append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)
		if _, err := connection.Write(framed); err != nil {
			return
		}
	}
}

func appendValue(b []byte, key, value string) []byte {
	b = append(append(b, elementValue, byte(len(key))), key...)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// newTestKeeper returns a keeper without files, a kernel and a sidecar.
func newTestKeeper(t *testing.T, d *daemon) *Keeper {
	t.Helper()
	return &Keeper{
		config: Config{ESP: UserspaceESP, Log: logr.Discard()}, role: newRole(), session: connectTo(t, d),
		loaded: map[string][sha256.Size]byte{}, written: written{file: filepath.Join(t.TempDir(), "strongswan.conf")},
	}
}

// count returns how often the daemon got a command. No command may be under way.
func (d *daemon) count(command string) int {
	return len(slices.DeleteFunc(slices.Clone(d.commands), func(c string) bool { return c != command }))
}
