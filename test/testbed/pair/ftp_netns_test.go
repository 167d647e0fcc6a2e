//go:build netns

package pair_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// fileTransfers accepts control connections of FTP, and nothing else. So a data connection only opens if the firewall
// expects it.
const fileTransfers = `
  services:
  - {name: ftp, protocol: TCP, ports: [21]}
  policies:
  - {name: ftp, from: [lan], to: [wan], services: [ftp], action: Accept}
  - {name: published, from: [wan], to: [lan], services: [ftp], action: Accept}
  destinationNAT:
  - {name: inside, from: wan, destination: 203.0.113.1, service: ftp, toAddress: 192.168.50.10}
`

// publishedAddress is that of the server inside.
const publishedAddress = "203.0.113.1"

// file is what the tests transfer.
var file = bytes.Repeat([]byte("all work and no play\n"), 1000)

// newFTP starts a pair with the rules of the firewall and classes besides connection tracking.
func newFTP(t *testing.T, classes ...state.Class) *pair.Pair {
	t.Helper()
	bed := pair.New(t, pair.Options{Replicated: classes})
	for _, router := range []*testbed.Namespace{bed.Primary, bed.Secondary} {
		enforce(t, router, fileTransfers)
	}
	return bed
}

// session opens a control connection in a mode. The server is on the WAN, or inside.
func session(t *testing.T, bed *pair.Pair, mode ftpMode, isInside bool) *ftpClient {
	t.Helper()
	server, client := bed.Server, bed.Client
	if isInside {
		server, client = client, server
	}
	serveFTP(t, server, 0, map[string][]byte{"file": file})
	return dialFTP(t, client, mode)
}

// TestTransfersSurviveSwitchovers announces a data connection on one unit and opens it on the other one, and then
// announces more there. After the way back, the first command must be read again.
func TestTransfersSurviveSwitchovers(t *testing.T) {
	for name, c := range map[string]struct {
		mode     ftpMode
		isInside bool
	}{
		"passive, source translated": {ftpMode{testbed.ServerAddress, false, false}, false},
		"PORT, source translated":    {ftpMode{testbed.ServerAddress, true, false}, false},
		"EPRT, source translated":    {ftpMode{testbed.ServerAddress, true, true}, false},
		"passive, server inside":     {ftpMode{publishedAddress, false, false}, true},
		"EPRT over IPv6":             {ftpMode{testbed.ServerAddressIPv6, true, true}, false},
		"EPSV over IPv6":             {ftpMode{testbed.ServerAddressIPv6, false, true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bed := newFTP(t, state.FTP)
			client := session(t, bed, c.mode, c.isInside)
			for range 3 {
				client.transfer("before", "file", file)
			}
			for _, way := range []string{"there", "back", "there again"} {
				client.announce()
				bed.Switchover()
				client.finish("announced before the way "+way, "file", file)
				client.transfer("announced after the way "+way, "file", file)
				client.transfer("next after the way "+way, "file", file)
				bed.AwaitSync()
			}
		})
	}
}

// TestFirstCommandIsReadAfterTheWayBack is about a helper that has not seen what passed the other unit.
func TestFirstCommandIsReadAfterTheWayBack(t *testing.T) {
	for name, mode := range map[string]ftpMode{
		"passive": {testbed.ServerAddress, false, false}, "EPRT": {testbed.ServerAddressIPv6, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			bed := newFTP(t, state.FTP)
			client := session(t, bed, mode, false)
			client.transfer("before", "file", file)
			bed.Switchover()
			client.transfer("there", "file", file)
			bed.AwaitSync()
			bed.Switchover()
			client.transfer("back", "file", file)
		})
	}
}

// TestHelperMustBeRearmed is the control of TestFirstCommandIsReadAfterTheWayBack. It copies the control connections by
// itself. On the way back, it names the helper of one of them again, and not that of the other.
func TestHelperMustBeRearmed(t *testing.T) {
	bed := pair.New(t, pair.Options{WithoutReplication: true})
	for _, router := range []*testbed.Namespace{bed.Primary, bed.Secondary} {
		enforce(t, router, fileTransfers)
	}
	serveFTP(t, bed.Server, 0, map[string][]byte{"file": file})
	mode := ftpMode{testbed.ServerAddress, false, false}
	stale, rearmed := dialFTP(t, bed.Client, mode), dialFTP(t, bed.Client, mode)
	clients := []*ftpClient{stale, rearmed}
	for _, c := range clients {
		c.transfer("before", "file", file)
		ask(t, bed.Secondary, conntrack.Create, c.entry(bed.Primary))
	}
	bed.Switchover()
	for _, c := range clients {
		if err := c.client.Noop(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		f := c.entry(bed.Primary)
		f.Fields &= conntrack.FieldTCPState | conntrack.FieldTCPWindow | conntrack.FieldHelper
		// This kernel has not seen what the answers acknowledge.
		f.TCP.FlagsOrig |= conntrack.TCPBeLiberal
		f.TCP.FlagsReply |= conntrack.TCPBeLiberal
		if c == stale {
			f.Fields &^= conntrack.FieldHelper
		}
		ask(t, bed.Primary, conntrack.Update, f)
	}
	bed.Switchover()
	rearmed.transfer("with the helper named again", "file", file)
	stale.announce()
	if expected := bed.Primary.Run(t, "conntrack -L expect"); strings.Contains(expected, "proto=6") {
		t.Errorf("a helper that was not rearmed expects a data connection:\n%s", expected)
	}
	rearmed.announce()
	if expected := bed.Primary.Run(t, "conntrack -L expect"); !strings.Contains(expected, "proto=6") {
		t.Errorf("a helper that was rearmed expects no data connection:\n%s", expected)
	}
}

// entry returns a router's entry of the control connection to the server.
func (c *ftpClient) entry(router *testbed.Namespace) conntrack.Flow {
	c.t.Helper()
	from := c.client.Local()
	return ask(c.t, router, conntrack.Get, conntrack.Flow{Orig: conntrack.Tuple{
		Src: from.Addr(), SrcPort: from.Port(), Dst: netip.MustParseAddr(testbed.ServerAddress), DstPort: 21,
		Protocol: conntrack.ProtocolTCP,
	}})
}

// ask executes a request in a router's table, and returns the entry that it finds.
func ask(t *testing.T, router *testbed.Namespace, o conntrack.Operation, f conntrack.Flow) (found conntrack.Flow) {
	t.Helper()
	err := router.Do(func() error {
		table, err := conntrack.OpenTable()
		if err != nil {
			return err
		}
		defer func() { _ = table.Close() }()
		results, err := table.Do([]conntrack.Request{{Operation: o, Flow: f}}, nil)
		if err != nil {
			return err
		}
		found = results[0].Flow
		return results[0].Err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestTransfersSurviveLossOfPower announces data connections and cuts the power.
func TestTransfersSurviveLossOfPower(t *testing.T) {
	bed := newFTP(t, state.FTP)
	serveFTP(t, bed.Server, 0, map[string][]byte{"file": file})
	active := dialFTP(t, bed.Client, ftpMode{testbed.ServerAddressIPv6, true, true})
	passive := dialFTP(t, bed.Client, ftpMode{testbed.ServerAddress, false, false})
	translated := dialFTP(t, bed.Client, ftpMode{testbed.ServerAddress, true, false})
	active.announce()
	passive.announce()
	translated.announce()
	bed.Active.Flush() // unsent changes are lost with the power
	bed.Failover()
	clients := []*ftpClient{active, passive, translated}
	for _, c := range clients {
		c.finish("announced before", "file", file)
	}
	for _, c := range clients {
		c.transfer("announced after", "file", file)
	}
	bed.Return()
	for _, c := range clients {
		c.announce()
	}
	bed.Switchover()
	for _, c := range clients {
		c.finish("announced before the way back", "file", file)
	}
}

// TestTransfersBreakWithoutTheClass is the control: the other tests would prove nothing if it failed.
func TestTransfersBreakWithoutTheClass(t *testing.T) {
	for name, mode := range map[string]ftpMode{
		"EPRT": {testbed.ServerAddressIPv6, true, true}, "passive": {testbed.ServerAddress, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			bed := newFTP(t)
			client := session(t, bed, mode, false)
			client.transfer("before", "file", file)
			client.announce()
			bed.Switchover()
			if got, err := client.fetch("file"); err == nil {
				t.Errorf("%d bytes came over a data connection that the standby cannot expect", len(got))
			}
		})
	}
}

// TestStandbyHasSequenceAdjustments is about what the helper changes in a control connection, which the kernel reports
// to nobody.
func TestStandbyHasSequenceAdjustments(t *testing.T) {
	bed := newFTP(t, state.FTP)
	client := session(t, bed, ftpMode{testbed.ServerAddress, true, false}, false)
	for range 3 {
		client.announce()
		bed.Active.Flush()
		active, standby := adjustments(t, bed.Primary), adjustments(t, bed.Secondary)
		if active == (conntrack.SeqAdj{}) || standby != active {
			t.Errorf("the active adjusts by %+v, and the standby by %+v", active, standby)
		}
	}
}

// adjustments returns those of the packets of the client in a router's control connection.
func adjustments(t *testing.T, router *testbed.Namespace) (found conntrack.SeqAdj) {
	t.Helper()
	server := netip.AddrPortFrom(netip.MustParseAddr(testbed.ServerAddress), 21)
	err := router.Do(func() error {
		return conntrack.Dump(t.Context(), func(f conntrack.Flow) error {
			if netip.AddrPortFrom(f.Orig.Dst, f.Orig.DstPort) == server {
				found = f.SeqAdjOrig
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestRunningTransferContinues downloads a file in active mode through a switchover and back. Then it asks for another
// one over the same control connection.
func TestRunningTransferContinues(t *testing.T) {
	const from = "ftp://" + testbed.ServerAddress
	for _, client := range []struct {
		name    string
		command func(into, second string) *exec.Cmd
	}{
		{"curl", func(into, second string) *exec.Cmd {
			return exec.Command("curl", "--silent", "--show-error", "--max-time", "30", "--ftp-port", "-",
				"--output", into, from+"/large", "--output", second, from+"/file")
		}},
		{"lftp", func(into, second string) *exec.Cmd {
			return exec.Command("lftp", "--norc", "-c", "set net:max-retries 1; set net:timeout 10; set cmd:fail-exit yes; "+
				"set ftp:passive-mode no; open "+from+"; get /large -o "+into+"; get /file -o "+second)
		}},
	} {
		t.Run(client.name, func(t *testing.T) { continueTransfer(t, client.command) })
	}
}

func continueTransfer(t *testing.T, client func(into, second string) *exec.Cmd) {
	t.Helper()
	bed := newFTP(t, state.FTP)
	large := make([]byte, 12<<20)
	_, _ = rand.Read(large) // It never fails.
	serveFTP(t, bed.Server, 6<<20, map[string][]byte{"large": large, "file": file})
	into, second := filepath.Join(t.TempDir(), "large"), filepath.Join(t.TempDir(), "file")
	ended := make(chan error, 1)
	var out string
	go func() {
		var err error
		out, err = bed.Client.Command(client(into, second))
		ended <- err
	}()
	size := func() int64 {
		info, err := os.Stat(into)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for _, part := range []int64{1 << 20, 4 << 20} {
		testbed.Eventually(t, "a part has arrived", func() bool { return size() > part })
		if size() == int64(len(large)) {
			t.Fatal("the transfer has ended before the switchover")
		}
		bed.Switchover()
		bed.AwaitSync()
	}
	if err := <-ended; err != nil {
		t.Fatalf("the client: %v: %s", err, out)
	}
	got, err := os.ReadFile(into)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(large) {
		t.Errorf("%d bytes of %d arrived, or others, %v", len(got), len(large), err)
	}
	if got, err := os.ReadFile(second); err != nil || !bytes.Equal(got, file) {
		t.Errorf("of the second file, %d bytes of %d arrived, or others, %v", len(got), len(file), err)
	}
	controls := bed.Primary.Run(t, "conntrack -L -p tcp --orig-port-dst 21")
	if n := strings.Count(controls, "dport=21 "); n != 1 {
		t.Errorf("there were %d control connections, want one:\n%s", n, controls)
	}
}
