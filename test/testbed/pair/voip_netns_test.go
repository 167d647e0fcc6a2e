//go:build netns

package pair_test

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/internal/calls"
	"github.com/hapair-io/hapair/test/testbed"
)

// callPolicies accept calls from the phone, and everything from the client. So media pass only if a call announced
// them.
const callPolicies = `
  addresses:
  - {name: client, members: [192.168.50.10]}
  services:
  - {name: phones, protocol: UDP, ports: [5060], helper: SIP}
  policies:
  - {name: client-to-wan, from: [lan], to: [wan], source: [client], action: Accept}
  - {name: calls, from: [lan], to: [wan], services: [phones], action: Accept}
`

// call lets a phone with the address of the canary call the server with SIPp, whose media the server echoes.
func (e excluded) call() {
	e.t.Helper()
	directory := e.t.TempDir()
	if err := calls.Write(directory); err != nil {
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
	sipp(e.Client, "-sf "+calls.Scenario+" -m 1 -p 5060 -mp 40404 -i "+canary+" -mi "+canary+" "+
		testbed.ServerAddress+":5060")
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

// heard returns how many packets of media the phone has received.
func (e excluded) heard() (packets int) {
	e.t.Helper()
	listing := e.Client.Run(e.t, "nft list chain ip phone media")
	found := regexp.MustCompile(`packets (\d+)`).FindStringSubmatch(listing)
	if found == nil {
		e.t.Fatal(listing)
	}
	packets, _ = strconv.Atoi(found[1])
	return packets
}

// countMedia makes the phone count the packets of media.
func (e excluded) countMedia() {
	e.t.Helper()
	e.Client.Firewall(e.t, `table ip phone { chain media {
		type filter hook input priority 0
		udp sport 6000 counter
	}; }`)
}

// TestCallsAreNotReplicatedByDefault shows that neither the signalling of a call nor its media reach the standby, with
// their beginning, changes and end. So a failover ends the call.
func TestCallsAreNotReplicatedByDefault(t *testing.T) {
	e := newExcluded(t, callPolicies)
	e.countMedia()
	e.call()
	e.wantExcluded()
	e.Primary.Run(t, "conntrack -D -s "+canary)
	e.Active.Flush()
	e.wantNeverSent()
	e.Failover()
	before := e.heard()
	testbed.Pause(t, 500*time.Millisecond)
	if after := e.heard(); after > before {
		t.Errorf("the phone heard %d packets through the new active", after-before)
	}
}

// TestCallsSurviveAFailoverIfTheyAreReplicated shows that the media of a call go on in both directions.
func TestCallsSurviveAFailoverIfTheyAreReplicated(t *testing.T) {
	e := newExcluded(t, callPolicies, state.VoIP)
	e.countMedia()
	e.call()
	e.Active.Flush()
	if e.standby.count(isSignalling) != 1 || e.standby.count(isMedia) == 0 {
		t.Errorf("the standby has\n%s", e.Secondary.Run(t, "conntrack -L"))
	}
	e.Failover()
	before := e.heard()
	testbed.Eventually(t, "the phone hears a second of media through the new active", func() bool {
		return e.heard() >= before+50
	})
}
