package sidecar

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

func TestStandbyWithoutRoomIsNotSynchronized(t *testing.T) {
	standby := ha.New(ha.Config{Self: "secondary/1/a"})
	for full, want := range map[string]string{
		"": v1alpha1.ReasonPeerDisconnected, "ConnectionCache": v1alpha1.ReasonTableFull,
	} {
		c := synchronizedCondition(standby, faults{full: full})
		if c.Status != statusFalse || c.Reason != want {
			t.Errorf("full: %q: got %+v, want reason %s", full, c, want)
		}
		if full != "" && !strings.Contains(c.Message, "nf_conntrack_max") {
			t.Errorf("the message does not name the remedy: %s", c.Message)
		}
	}
}

// A unit that lacks routes or helpers enforces its document all the same. The condition has the fields.
func TestMissingPartsAreInTheConditionOfTheUnit(t *testing.T) {
	status := firewallStatus{FirewallStatus: contract.FirewallStatus{
		Hash: "abc", RoutingError: "spec.routing.routes[0]: interface is down",
	}}
	c := configurationCondition(status)
	if c.Status != statusFalse || c.Reason != v1alpha1.ReasonRoutesMissing || c.Message != status.RoutingError {
		t.Errorf("got %+v", c)
	}
	if !status.inForce() {
		t.Error("the document is not in force")
	}
	status.RoutingError, status.HelperError = "", "spec.services[0].helper: no module"
	c = configurationCondition(status)
	if c.Status != statusFalse || c.Reason != v1alpha1.ReasonHelpersMissing || c.Message != status.HelperError {
		t.Errorf("without a helper: %+v", c)
	}
	status.HelperError, status.MulticastError = "", "spec.multicast: interface is gone"
	c = configurationCondition(status)
	if c.Status != statusFalse || c.Reason != v1alpha1.ReasonMulticastMissing || c.Message != status.MulticastError {
		t.Errorf("without multicast: %+v", c)
	}
	status.MulticastError, status.DHCPError = "", "spec.dhcp: interface lan: no such network interface"
	if c := configurationCondition(status); c.Reason != v1alpha1.ReasonDHCPMissing || c.Message != status.DHCPError {
		t.Errorf("got %+v", c)
	}
	status.DHCPError, status.DNSError = "", "spec.dns: address 192.168.50.1: address already in use"
	if c := configurationCondition(status); c.Reason != v1alpha1.ReasonDNSMissing || c.Message != status.DNSError {
		t.Errorf("got %+v", c)
	}
	status.DNSError, status.NamesError = "", "no resolver answers for a.example.com"
	c = configurationCondition(status)
	if c.Status != statusFalse || c.Reason != v1alpha1.ReasonNamesUnresolved || c.Message != status.NamesError {
		t.Errorf("without the addresses of names: %+v", c)
	}
	status.NamesError = ""
	if c := configurationCondition(status); c.Status != statusTrue {
		t.Errorf("with all routes: %+v", c)
	}
	status.RefusedHash, status.Error, status.RoutingError = "def", "no such expression", "interface is down"
	if c := configurationCondition(status); c.Reason != v1alpha1.ReasonInvalid || c.Message != status.Error {
		t.Errorf("with a refused document: %+v", c)
	}
}
