//go:build netns

package connections

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

func TestMain(m *testing.M) {
	namespace.Alone()
	os.Exit(m.Run())
}

const settings = `{"pair":"edge","namespace":"shop","leaseDurationSeconds":15,"heartbeatIntervalMilliseconds":100,` +
	`"missedHeartbeats":3,"grantMilliseconds":450,"isolation":"Fence","healthDampingSeconds":5,` +
	`"networks":[{"interface":"lan","virtualAddresses":["192.168.50.1/24"]}],"sync":{"classes":[]}}`

// unit is a network namespace with three connections: two of the host and one of the unit itself.
type unit struct {
	*testing.T
	settings, health string
	role             string
	table            *conntrack.Table
}

func newUnit(t *testing.T) *unit {
	u := &unit{T: t, role: "Active", settings: filepath.Join(t.TempDir(), "sidecar.json")}
	if err := os.WriteFile(u.settings, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	own := testbed.Own()
	own.Link(t, "lo").Up()
	testbed.Wire(t, own, "lan", own, "lan-far")
	testbed.Wire(t, own, "eth0", own, "eth0-far")
	own.Link(t, "lan").Address("192.168.50.1/24")
	own.Link(t, "eth0").Address("10.244.0.2/24")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == contract.RolePath {
			_, _ = w.Write([]byte(u.role + "\n"))
		}
	}))
	t.Cleanup(server.Close)
	u.health = strings.TrimPrefix(server.URL, "http://")
	var err error
	if u.table, err = conntrack.OpenTable(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.table.Close() })
	for _, port := range []uint16{443, 80} {
		f := example()
		f.Orig.DstPort, f.Reply.SrcPort = port, port
		u.create(f)
	}
	fromUnit := example()
	fromUnit.Orig.Src = netip.MustParseAddr("10.244.0.2")
	fromUnit.Reply = fromUnit.Orig.Inverse()
	u.create(fromUnit)
	return u
}

func (u *unit) create(f conntrack.Flow) {
	u.Helper()
	f.Fields = conntrack.FieldStatus | conntrack.FieldTimeout | conntrack.FieldTCPState | conntrack.FieldTCPWindow
	f.Status, f.TimeoutSeconds = conntrack.StatusConfirmed|conntrack.StatusSeenReply, 100
	f.TCP.State = conntrack.TCPEstablished
	results, err := u.table.Do([]conntrack.Request{{Operation: conntrack.Create, Flow: f}}, nil)
	if err != nil || results[0].Err != nil {
		u.Fatal(err, results)
	}
}

// run executes the command and returns its output.
func (u *unit) run(args ...string) (string, error) {
	cmd := NewCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append([]string{"end", "--settings=" + u.settings, "--health-address=" + u.health}, args...))
	err := cmd.ExecuteContext(u.Context())
	return out.String(), err
}

func (u *unit) entries() (n int) {
	u.Helper()
	err := conntrack.Dump(u.Context(), func(f conntrack.Flow) error {
		if f.TimeoutSeconds > 90 { // The requests of this test are connections too.
			n++
		}
		return nil
	})
	if err != nil {
		u.Fatal(err)
	}
	return n
}

func TestEndConnectionsByFilter(t *testing.T) {
	u := newUnit(t)
	before := u.entries()
	listener, err := conntrack.Listen(conntrack.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()

	for _, c := range []struct{ args, want string }{
		{"", "nothing selects connections"},
		{"--source=192.168.50.10 --all", "leave it out"},
	} {
		if _, err := u.run(strings.Fields(c.args)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
	u.role = "Standby"
	if _, err := u.run("--all"); err == nil || !strings.Contains(err.Error(), "its role is Standby") {
		t.Errorf("on a standby: %v", err)
	}
	u.role = "Active"
	out, err := u.run("--source=192.168.50.10", "--dry-run")
	if err != nil || !strings.Contains(out, "tcp 192.168.50.10:40000 > 198.51.100.9:443, translated: answers are "+
		"198.51.100.9:443 > 203.0.113.1:40000") || !strings.Contains(out, "2 connections match; none was ended") {
		t.Errorf("%v:\n%s", err, out)
	}
	if n := u.entries(); n != before {
		t.Errorf("%d entries, want %d as before", n, before)
	}
	for _, args := range []string{"--source=192.168.50.0/24 --port=443 --protocol=tcp", "--all"} {
		if out, err := u.run(strings.Fields(args)...); err != nil || out != "Ended 1 connections\n" {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
	if n := u.entries(); n != before-2 {
		t.Errorf("%d entries, want %d: that of the unit itself stays", n, before-2)
	}
	// The kernel reports the ends, so the standby is told.
	destroyed := 0
	for deadline := time.Now().Add(5 * time.Second); destroyed < 2 && time.Now().Before(deadline); {
		listener.Wake()
		events, _, err := listener.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == conntrack.EventDestroy && e.Flow.Orig.Src == example().Orig.Src {
				destroyed++
			}
		}
	}
	if destroyed != 2 {
		t.Errorf("%d ends were reported", destroyed)
	}
}
