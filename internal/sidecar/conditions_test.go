package sidecar

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
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
