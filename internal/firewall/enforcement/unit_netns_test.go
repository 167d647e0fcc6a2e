//go:build netns

package enforcement_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// The sandbox of a pod is made again, and the container of the firewall does not start. The files of before are there.
func TestUnitInANewSandboxWithoutItsFirewallIsNotActive(t *testing.T) {
	for name, thirdParty := range map[string]bool{"rules of the default one": false, "report of a third party": true} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, false, thirdParty)
			b.StartFirewall()
			b.StartSidecar()
			b.AwaitActive()
			s := b.stream(allowedPort)
			b.passes(s)
			s.End()
			b.loseSandbox()
			b.newSandbox()
			b.StartSidecar()
			s = b.stream(allowedPort)
			testbed.Eventually(t, "the unit reports", func() bool { return b.Status().Role == "Starting" })
			testbed.Pause(t, 3*time.Second)
			status := b.Status()
			if b.WasActive() || !slices.ContainsFunc(status.Obstacles, func(o string) bool {
				return strings.Contains(o, "no ruleset in force")
			}) {
				t.Errorf("without its firewall the unit is %s, with obstacles %q", status.Role, status.Obstacles)
			}
			if n := s.count(0); n > 0 {
				t.Errorf("%d datagrams were forwarded without rules", n)
			}
			b.StartFirewall()
			b.AwaitActive()
			b.passes(s)
		})
	}
}

// The firewall is killed and its table removed. The gate closes. Neither an empty table with the name of the document
// nor a part of its rules opens it. A restarted firewall does, and the role has not changed.
func TestKilledFirewallAndRemovedTableCloseTheGate(t *testing.T) {
	b := newActive(t, false)
	allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
	b.passes(allowed)
	if n := forbidden.count(0); n > 0 {
		t.Errorf("%d forbidden datagrams were forwarded", n)
	}
	hash, term := document.Hash([]byte(policies("first"))), b.Status().Term
	b.Firewall.Kill()
	b.nft("delete table inet hapair")
	b.stops(allowed)
	b.stops(forbidden)
	testbed.Eventually(t, "the unit is unhealthy", func() bool { return !programs.IsHealthy(b.Status()) })
	for _, fake := range []string{
		"add table inet hapair; add chain inet hapair document." + hash,
		"add chain inet hapair forward { type filter hook forward priority 0; policy accept; }",
		"delete table inet hapair; add table ip hapair; add chain ip hapair document." + hash,
	} {
		b.nft(fake)
		b.stops(allowed)
	}
	b.StartFirewall()
	b.passes(allowed)
	b.stops(forbidden)
	testbed.Eventually(t, "the unit is healthy", func() bool { return programs.IsHealthy(b.Status()) })
	if status := b.Status(); status.Role != "Active" || status.Term != term {
		t.Errorf("the unit is %s in term %d, and was active in term %d", status.Role, status.Term, term)
	}
}

// A newer document is delivered and refused. The rules of the last accepted one stay in force, and the gate open, also
// after a restart of the sidecar.
func TestRulesOfTheLastAcceptedDocumentAreInForce(t *testing.T) {
	b := newActive(t, false)
	s := b.stream(allowedPort)
	b.passes(s)
	first := document.Hash([]byte(policies("first")))
	refused := strings.Replace(policies("second"), `"services":["second"]`, `"services":["third"]`, 1)
	b.Give(refused)
	testbed.Eventually(t, "the refusal is reported", func() bool { return reason(b.Status()) == "Invalid" })
	b.passes(s)
	b.Sidecar.Kill()
	b.StartSidecar()
	testbed.Eventually(t, "the earlier document is found in force", func() bool {
		status := b.Status()
		return status.Role == "Active" && status.ConfigurationHash == first
	})
	b.passes(s)
	b.Give(policies("second"))
	testbed.Eventually(t, "the newest document is in force", func() bool {
		second := policies("second")
		return b.Status().ConfigurationHash == document.Hash([]byte(second)) && b.verify(second) == nil
	})
	b.passes(s)
}

// The tables of another program stay, are reported, and do not make the unit unhealthy.
func TestForeignTableIsReportedAndLeftAlone(t *testing.T) {
	b := newActive(t, false)
	b.nft("table ip filter { chain FORWARD { type filter hook forward priority 0; policy accept; }; }")
	testbed.Eventually(t, "the table is reported", func() bool {
		status := b.Status()
		return programs.IsHealthy(status) && slices.ContainsFunc(status.Health, func(h contract.UnitHealth) bool {
			return h.Name == contract.CheckForeignRules && strings.Contains(h.Message, "chain ip filter/FORWARD")
		})
	})
	b.nft("delete table ip filter")
	testbed.Eventually(t, "the report ends", func() bool {
		return !slices.ContainsFunc(b.Status().Health, func(h contract.UnitHealth) bool {
			return h.Name == contract.CheckForeignRules
		})
	})
}

// reason returns why the unit's configuration is applied or not.
func reason(s contract.UnitStatus) string {
	for _, c := range s.Conditions {
		if c.Type == "ConfigurationApplied" {
			return c.Reason
		}
	}
	return ""
}
