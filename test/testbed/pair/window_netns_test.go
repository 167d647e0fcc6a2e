//go:build netns

package pair_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// TestAcknowledgementLostInATakeover shows why a standby's entries are liberal. The server received the client's data,
// and its acknowledgement is lost with the active. The new active sees the client retransmit old data, and the server
// acknowledge newer data, which it has not seen. A kernel that relies on what it saw treats that as invalid and does
// not translate the packet back. The packet is then for the router itself, which resets a connection that it has no
// socket for.
func TestAcknowledgementLostInATakeover(t *testing.T) {
	t.Run("liberal", func(t *testing.T) {
		if err := loseAcknowledgement(t, func(*pair.Pair) {}); err != nil {
			t.Errorf("The connection broke: %v", err)
		}
	})
	t.Run("by what was seen", func(t *testing.T) {
		err := loseAcknowledgement(t, func(bed *pair.Pair) { makeStrict(t, bed.Secondary) })
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("The connection was not reset but returned %v: liberal entries are no longer needed", err)
		}
	})
}

// loseAcknowledgement returns the error of a connection whose last acknowledgement is lost in a takeover.
func loseAcknowledgement(t *testing.T, change func(*pair.Pair)) error {
	t.Helper()
	bed := pair.New(t, pair.Options{})
	client, server := bed.Connect(t, testbed.ServerAddress)
	exchange(t, client, server)
	bed.Active.Flush()
	bed.Primary.Firewall(t, loseAnswers)
	if _, err := client.Write(make([]byte, 20<<10)); err != nil { // more than the initial window
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, 10<<10)); err != nil {
		t.Fatal(err)
	}
	bed.CutPower(t, bed.Primary)
	bed.Active.Kill()
	change(bed)
	bed.Standby.Attach()

	if err := server.SetReadDeadline(time.Now().Add(testbed.Timeout)); err != nil {
		t.Fatal(err)
	}
	_, err := io.ReadFull(server, make([]byte, 10<<10))
	return err
}

// loseAnswers drops all packets from the server to the client.
const loseAnswers = `
flush chain inet firewall forward
table inet firewall { chain forward { iifname "lan0" accept; }; }
`

// exchange sends data both ways, so that both windows are known.
func exchange(t *testing.T, client, server io.ReadWriter) {
	t.Helper()
	for range 3 {
		for _, end := range [][2]io.ReadWriter{{client, server}, {server, client}} {
			if _, err := end[0].Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(end[1], make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// makeStrict makes the router's entries strict.
func makeStrict(t *testing.T, router *testbed.Namespace) {
	t.Helper()
	err := router.Do(func() error {
		var requests []conntrack.Request
		err := conntrack.Dump(context.Background(), func(f conntrack.Flow) error {
			f.Fields &= conntrack.FieldTCPWindow
			f.TCP.FlagsOrig &^= conntrack.TCPBeLiberal
			f.TCP.FlagsReply &^= conntrack.TCPBeLiberal
			requests = append(requests, conntrack.Request{Operation: conntrack.Update, Flow: f})
			return nil
		})
		if err != nil {
			return err
		}
		table, err := conntrack.OpenTable()
		if err != nil {
			return err
		}
		_, err = table.Do(requests, nil)
		return errors.Join(err, table.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// transfer is the amount of a bulk transfer: it takes some seconds, with windows far beyond 64 KiB.
const transfer = 512 << 20

// TestBulkTransferSurvivesTakeovers moves much data in both directions during planned and unplanned takeovers.
func TestBulkTransferSurvivesTakeovers(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	up, upEnd := bed.Connect(t, testbed.ServerAddress)
	down, downEnd := bed.Connect(t, testbed.ServerAddressIPv6)
	done := make(chan error, 2)
	go func() { done <- move(up, upEnd) }()
	go func() { done <- move(downEnd, down) }()

	bed.Active.Flush()
	for range 2 {
		bed.ForwardKnownOnly(bed.Standby)
		bed.Switchover()
		bed.AwaitSync()
	}
	bed.Failover()
	start := time.Now()
	for range 2 {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Moving data: %v", err)
			}
		case <-time.After(3 * testbed.Timeout):
			t.Fatal("a transfer did not end")
		}
	}
	invalid, unknown := bed.Secondary.Dropped(t)
	t.Logf("2 x %d MiB moved, %s after the last takeover; dropped there: %d invalid, %d unknown",
		transfer>>20, time.Since(start).Round(time.Millisecond), invalid, unknown)
}

// move sends random bytes and checks that they arrive.
func move(from, to net.Conn) error {
	piece := make([]byte, 1<<20)
	if _, err := rand.Read(piece); err != nil {
		return err
	}
	sent, received := sha256.New(), sha256.New()
	wrote := make(chan error, 1)
	go func() {
		for range transfer / len(piece) {
			if _, err := from.Write(piece); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for range transfer / len(piece) {
		got := make([]byte, len(piece))
		if _, err := io.ReadFull(to, got); err != nil {
			return err
		}
		sent.Write(piece)
		received.Write(got)
	}
	if string(sent.Sum(nil)) != string(received.Sum(nil)) {
		return errors.New("the received data differs")
	}
	return <-wrote
}
