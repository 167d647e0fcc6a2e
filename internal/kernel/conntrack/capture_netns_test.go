//go:build netns

package conntrack

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

// TestCapture receives the kernel's events about real connections and checks that all can be decoded. With -update it
// stores them in testdata, for tests that run without a kernel.
func TestCapture(t *testing.T) {
	network := testbed.NewNetwork(t)
	network.Primary.Link(t, "lan0").Address(testbed.VirtualLAN.String()).Address(testbed.VirtualLANIPv6.String())
	network.Primary.Link(t, "wan0").Address(testbed.VirtualWAN.String()).Address(testbed.VirtualWANIPv6.String())

	for file, traffic := range map[string]func(){
		"tcp-with-source-translation": func() { exchange(t, network, testbed.ServerAddress) },
		"tcp-over-ipv6":               func() { exchange(t, network, testbed.ServerAddressIPv6) },
		"udp":                         func() { network.Exchange(t, testbed.ServerAddress) },
		"icmp":                        func() { network.Ping(t).Answered() },
	} {
		t.Run(file, func(t *testing.T) {
			s := joined(t, network.Primary,
				unix.NFNLGRP_CONNTRACK_NEW, unix.NFNLGRP_CONNTRACK_UPDATE, unix.NFNLGRP_CONNTRACK_DESTROY)
			traffic()
			if err := network.Primary.Do(func() error { return deleteAll(t) }); err != nil {
				t.Fatal(err)
			}
			keep(t, "testdata/"+file+".hex", collect(t, s))
			for _, m := range captured(t, "testdata/"+file+".hex") {
				if err := m.decode(&Flow{}); err != nil {
					t.Errorf("Decoding %x: %v", m.body, err)
				}
			}
		})
	}
}

// TestCaptureExpectations does the same with the events of expectations.
func TestCaptureExpectations(t *testing.T) {
	namespace := testbed.NewNamespace(t, "a")
	for file, e := range expectations() {
		t.Run(file, func(t *testing.T) {
			table := testbed.Open(t, namespace, OpenTable)
			expectations := testbed.Open(t, namespace, OpenExpectations)
			s := joined(t, namespace, unix.NFNLGRP_CONNTRACK_EXP_NEW, unix.NFNLGRP_CONNTRACK_EXP_DESTROY)
			result, err := table.Do([]Request{{Operation: Create, Flow: masterOf(&e)}}, nil)
			if err := errors.Join(err, result[0].Err); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(expectations.Create(&e), expectations.Delete(&e)); err != nil {
				t.Fatal(err)
			}
			keep(t, "testdata/expectations/"+file+".hex", collect(t, s))
		})
	}
}

// joined returns a socket that receives the notifications of groups until the test ends.
func joined(t *testing.T, namespace *testbed.Namespace, groups ...int) *socket {
	t.Helper()
	return testbed.Open(t, namespace, func() (closer, error) {
		s, err := openSocket()
		if err == nil {
			err = s.joinAll(groups)
		}
		return closer{s}, err
	}).socket
}

// closer closes a socket.
type closer struct{ *socket }

// Close closes the socket.
func (c closer) Close() error { return c.close() }

// keep checks that there are datagrams. With -update it stores them in a file.
func keep(t *testing.T, file string, datagrams []string) {
	t.Helper()
	if len(datagrams) < 2 {
		t.Fatalf("%d events", len(datagrams))
	}
	if !*update {
		return
	}
	if err := os.WriteFile(file, []byte(strings.Join(datagrams, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// deleteAll deletes every entry, so that the kernel sends the events of ended entries too.
func deleteAll(t *testing.T) error {
	var requests []Request
	err := Dump(t.Context(), func(f Flow) error {
		requests = append(requests, Request{Operation: Delete, Flow: f})
		return nil
	})
	if err != nil {
		return err
	}
	table, err := OpenTable()
	if err != nil {
		return err
	}
	_, err = table.Do(requests, nil)
	return errors.Join(err, table.Close())
}

// exchange opens a TCP connection, sends data in both directions, and closes it.
func exchange(t *testing.T, network *testbed.Network, address string) {
	t.Helper()
	client, server := network.Connect(t, address)
	for _, ends := range [][2]io.ReadWriter{{client, server}, {server, client}} {
		if _, err := ends[0].Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(ends[1], make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
	}
	_ = client.Close()
	_, _ = server.Read(make([]byte, 1)) // returns after the client's FIN
	_ = server.Close()
}

// collect returns the kernel's events, up to a time without any.
func collect(t *testing.T, s *socket) []string {
	t.Helper()
	in := newReceiver(s, 1, smallDatagram)
	silence := unix.NsecToTimeval((500 * time.Millisecond).Nanoseconds())
	err := s.set(func(fd int) error { return unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &silence) })
	if err != nil {
		t.Fatal(err)
	}
	var datagrams []string
	for {
		err := in.receiveAnswer()
		if errors.Is(err, unix.EAGAIN) {
			return datagrams
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := in.datagram(0)
		if err != nil {
			t.Fatal(err)
		}
		datagrams = append(datagrams, hex.EncodeToString(b))
	}
}
