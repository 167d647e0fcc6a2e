package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// volume is a directory as a kubelet writes it: each generation of the files has a directory, and a link points to the
// current one.
type volume struct {
	directory  string
	generation int
}

// write replaces the files of a unit as a kubelet does.
func (v *volume) write(t *testing.T, own credentials.KeyPair, authorities ...credentials.KeyPair) {
	t.Helper()
	if err := v.replace(own, authorities...); err != nil {
		t.Fatal(err)
	}
}

func (v *volume) replace(own credentials.KeyPair, authorities ...credentials.KeyPair) error {
	var trusted []byte
	for _, authority := range authorities {
		trusted = append(trusted, authority.Certificate...)
	}
	data := filepath.Join(v.directory, link)
	before, _ := os.Readlink(data) // it does not exist at first
	v.generation++
	next := fmt.Sprintf("..%d", v.generation)
	if err := os.Mkdir(filepath.Join(v.directory, next), 0o700); err != nil {
		return err
	}
	for file, text := range map[string][]byte{
		certificateFile: own.Certificate, keyFile: own.Key, authorityFile: trusted,
	} {
		if err := os.WriteFile(filepath.Join(v.directory, next, file), text, 0o600); err != nil {
			return err
		}
		if before == "" {
			if err := os.Symlink(filepath.Join(link, file), filepath.Join(v.directory, file)); err != nil {
				return err
			}
		}
	}
	if err := os.Symlink(next, data+"_tmp"); err != nil {
		return err
	}
	if err := os.Rename(data+"_tmp", data); err != nil {
		return err
	}
	if before == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(v.directory, before))
}

func issue(t *testing.T, authority credentials.KeyPair, unit string) credentials.KeyPair {
	t.Helper()
	pair, err := credentials.Issue(authority, name(unit), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// ends are both ends of a TCP connection between the units.
type ends struct{ server, client *Connection }

func connect(t *testing.T, server, client Source) ends {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), handshakeTimeout)
	defer cancel()
	near, far := tcpPair(t)
	var e ends
	var serverErr error
	var accepting sync.WaitGroup
	accepting.Go(func() { e.server, serverErr = Accept(ctx, far, server) })
	var clientErr error
	e.client, clientErr = Connect(ctx, near, client)
	accepting.Wait()
	if serverErr != nil || clientErr != nil {
		t.Fatalf("got %v and %v", serverErr, clientErr)
	}
	t.Cleanup(func() { _, _ = e.server.Close(), e.client.Close() })
	e.talk(t)
	return e
}

// talk sends something in both directions.
func (e ends) talk(t *testing.T) {
	t.Helper()
	for _, way := range [][2]*Connection{{e.server, e.client}, {e.client, e.server}} {
		_ = way[1].SetReadDeadline(time.Now().Add(handshakeTimeout))
		heard := make([]byte, len("state"))
		if _, err := way[0].Write([]byte("state")); err != nil {
			t.Fatalf("writing: %v", err)
		}
		if _, err := io.ReadFull(way[1], heard); err != nil || string(heard) != "state" {
			t.Fatalf("read %q, %v", heard, err)
		}
	}
}

func (e ends) keys(t *testing.T) seal.Keys {
	t.Helper()
	server, err := e.server.HeartbeatKeys()
	if err != nil {
		t.Fatal(err)
	}
	client, err := e.client.HeartbeatKeys()
	if err != nil {
		t.Fatal(err)
	}
	if server.ID != client.ID || server.Send != client.Receive || server.Receive != client.Send {
		t.Fatal("the ends have different keys")
	}
	return server
}

// shows checks which certificates the two ends of a new connection saw.
func (e ends) shows(t *testing.T, server, client credentials.KeyPair) {
	t.Helper()
	for _, end := range []struct {
		of   *Connection
		peer credentials.KeyPair
	}{{e.client, server}, {e.server, client}} {
		want, err := tls.X509KeyPair(end.peer.Certificate, end.peer.Key)
		if err != nil {
			t.Fatal(err)
		}
		if !end.of.ConnectionState().PeerCertificates[0].Equal(want.Leaf) {
			t.Error("a handshake used a certificate that is not the current one")
		}
	}
}

// TestSessionSurvivesANewAuthority replaces the authority during a session. The session and its keys for heartbeats do
// not change, and each new session uses the current files. The units accept each other at every step, whichever of them
// gets its files first.
func TestSessionSurvivesANewAuthority(t *testing.T) {
	before, after := authority(t), authority(t)
	primary, secondary := &volume{directory: t.TempDir()}, &volume{directory: t.TempDir()}
	p, s := issue(t, before, "primary"), issue(t, before, "secondary")
	primary.write(t, p, before)
	secondary.write(t, s, before)
	server := Credentials(primary.directory, name("secondary"))
	client := Credentials(secondary.directory, name("primary"))
	running := connect(t, server, client)
	keys := running.keys(t)

	newP, newS := issue(t, after, "primary"), issue(t, after, "secondary")
	for _, step := range []func(){
		func() { secondary.write(t, s, after, before) },
		func() { primary.write(t, p, after, before) },
		func() { p = newP; primary.write(t, p, after, before) },
		func() { s = newS; secondary.write(t, s, after, before) },
		func() { primary.write(t, p, after) },
		func() { secondary.write(t, s, after) },
		func() { s = issue(t, after, "secondary"); secondary.write(t, s, after) },
		func() { p = issue(t, after, "primary"); primary.write(t, p, after) },
	} {
		step()
		running.talk(t)
		if running.keys(t) != keys {
			t.Error("the keys of a session changed with the files")
		}
		renewed := connect(t, server, client)
		renewed.shows(t, p, s)
		if renewed.keys(t).ID == keys.ID {
			t.Error("a new session has the keys of an old one")
		}
	}
}

// A kubelet may replace the files at any time during a handshake.
func TestFilesAreOfOneGeneration(t *testing.T) {
	generations := [2]credentials.KeyPair{authority(t), authority(t)}
	units := [2]credentials.KeyPair{issue(t, generations[0], "primary"), issue(t, generations[1], "primary")}
	v := &volume{directory: t.TempDir()}
	v.write(t, units[0], generations[0])
	source := Credentials(v.directory, name("secondary"))

	const replacements = 300
	done := make(chan error, 1)
	go func() {
		defer close(done)
		for i := range replacements {
			if err := v.replace(units[i%2], generations[i%2]); err != nil {
				done <- err
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
		}
		config, err := source()
		if err != nil {
			t.Fatal(err)
		}
		_, err = config.Certificates[0].Leaf.Verify(x509.VerifyOptions{
			Roots: config.RootCAs, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			t.Fatalf("certificate and authority are of different generations: %v", err)
		}
	}
}
