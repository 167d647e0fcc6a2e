//go:build netns

package pair_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// calls accepts calls and everything else from the LAN.
const calls = `
  services:
  - {name: phones, protocol: UDP, ports: [5060], helper: SIP}
  policies:
  - {name: lan-to-wan, from: [lan], to: [wan], action: Accept}
`

// call lets a phone with the address of the canary call the server with SIPp, whose media the server echoes.
func (e excluded) call() {
	e.t.Helper()
	directory := e.t.TempDir()
	scenario, err := filepath.Abs("testdata/call.xml")
	if err == nil {
		err = os.WriteFile(filepath.Join(directory, "sound.raw"), bytes.Repeat([]byte{0xff}, 80_000), 0o600)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	sipp := func(host *testbed.Namespace, line string) {
		command := exec.Command("sipp", strings.Fields(line+" -nostdin")...)
		command.Dir = directory
		program := host.StartProgram(e.t, command)
		e.t.Cleanup(program.Kill)
	}
	sipp(e.Server, "-sn uas -rtp_echo -p 5060 -mp 6000 -i "+testbed.ServerAddress+" -mi "+testbed.ServerAddress)
	testbed.Eventually(e.t, "the server answers calls", func() bool {
		return strings.Contains(e.Server.Run(e.t, "ss -Hlun"), testbed.ServerAddress+":5060")
	})
	sipp(e.Client, "-sf "+scenario+" -m 1 -p 5060 -mp 40404 -i "+canary+" -mi "+canary+" "+testbed.ServerAddress+":5060")
	testbed.Eventually(e.t, "the media of the call flow both ways", func() bool {
		return e.active.count(isSignalling) == 1 && e.active.count(isMedia) > 0
	})
}

func isSignalling(f conntrack.Flow) bool { return f.Helper == "sip" }

// isMedia reports whether a connection was announced by a call and has seen packets both ways.
func isMedia(f conntrack.Flow) bool {
	return f.Labels == contract.LabelVoIP.Bits() && f.Fields.Has(conntrack.FieldMaster) &&
		f.Status&conntrack.StatusSeenReply != 0
}

// TestCallsAreNotReplicatedByDefault shows that neither the signalling of a call nor its media reach the standby, with
// their beginning, changes and end.
func TestCallsAreNotReplicatedByDefault(t *testing.T) {
	e := newExcluded(t, calls)
	e.call()
	e.wantExcluded()
	e.Primary.Run(t, "conntrack -D -s "+canary)
	e.Active.Flush()
	e.wantNeverSent()
}
