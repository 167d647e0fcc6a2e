//go:build netns

package pair_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestOverloadOfTransfers announces a data connection in each of many control connections, cuts the power, and opens
// all of them. Each transfers a file.
func TestOverloadOfTransfers(t *testing.T) {
	sessions := testbed.OverloadSessions()
	bed := newFTP(t, state.FTP)
	address := netip.AddrPortFrom(netip.MustParseAddr(testbed.ServerAddress), 21)
	bed.Server.ServeTCP(t, address.String(), func(conn net.Conn) { serveTransfers(bed.Server, conn) })
	begun := time.Now()
	transfers := make([]*ftpClient, 0, sessions)
	for range sessions {
		c := dialFTP(t, bed.Client, ftpMode{server: testbed.ServerAddress})
		c.announce()
		transfers = append(transfers, c)
	}
	announced := time.Since(begun)
	bed.Active.Flush()
	wantMemory(t, bed.Active, bed.Standby)
	expected := strings.Count(bed.Secondary.Run(t, "conntrack -L expect"), "proto=6")
	took := bed.Failover()
	begun = time.Now()
	completed, reason := 0, error(nil)
	for _, c := range transfers {
		if got, err := c.fetch("file"); err != nil || !bytes.Equal(got, file) {
			reason = err
			continue
		}
		completed++
	}
	t.Logf("%d control connections with an announced data connection, made in %s; the standby expected %d",
		sessions, announced.Round(time.Millisecond), expected)
	t.Logf("takeover in %s; %d of %d transfers completed afterwards, in %s",
		took.Round(time.Millisecond), completed, sessions, time.Since(begun).Round(time.Millisecond))
	wantMemory(t, bed.Active)
	if completed != sessions {
		t.Errorf("%d transfers were lost, the last with: %v", sessions-completed, reason)
	}
}

// serveTransfers serves one control connection of FTP. A process of a real server for each would overload the machine,
// and not the pair.
func serveTransfers(host *testbed.Namespace, conn net.Conn) {
	control := textproto.NewConn(conn)
	var listener net.Listener
	answer := func(line string) bool { return control.PrintfLine("%s", line) == nil }
	for ok := answer("220 ready"); ok; {
		line, err := control.ReadLine()
		if err != nil {
			break
		}
		switch command, _, _ := strings.Cut(line, " "); command {
		case "USER":
			ok = answer("230 welcome")
		case "PASV":
			err := host.Do(func() (err error) { listener, err = net.Listen("tcp", testbed.ServerAddress+":0"); return err })
			if err != nil {
				return
			}
			at := listener.Addr().(*net.TCPAddr).AddrPort()
			ok = answer(fmt.Sprintf("227 Entering Passive Mode (%s,%d,%d)",
				strings.ReplaceAll(testbed.ServerAddress, ".", ","), at.Port()>>8, at.Port()&0xff))
		case "RETR":
			ok = answer("150 here it comes") && sendFile(listener) == nil && answer("226 done")
		}
	}
	if listener != nil {
		_ = listener.Close()
	}
}

func sendFile(listener net.Listener) error {
	data, err := listener.Accept()
	if err != nil {
		return err
	}
	_, err = data.Write(file)
	_ = data.Close()
	return err
}
