package sidecar

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// A standby whose provider has not taken over the state is not synchronized until it has. It remains a standby, and
// takes over: most of the state is better than none.
func TestProviderBehindReachesTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		active := start(t, w, l, 0)
		active.becomes(t, ha.Active, time.Second)
		standby := start(t, w, l, 1)
		standby.becomes(t, ha.Standby, 10*time.Second)
		time.Sleep(10 * time.Second)
		expect := func(u *life, status, reason, message string) {
			t.Helper()
			synctest.Wait()
			reported, _ := u.store.reported()
			got := reported.Conditions[0]
			if got.Type != v1alpha1.ConditionSynchronized || got.Status != status || got.Reason != reason ||
				got.Message != message {
				t.Errorf("got %+v", got)
			}
		}
		const lacks = "provider kea lacks changes of class leases"
		expect(standby, statusTrue, v1alpha1.ReasonInSync, "")
		standby.providers.behind <- lacks
		expect(standby, statusFalse, v1alpha1.ReasonProviderBehind, lacks)
		standby.providers.behind <- ""
		expect(standby, statusTrue, v1alpha1.ReasonInSync, "")
		standby.providers.behind <- lacks
		active.providers.behind <- lacks // as from a check of a moment ago
		expect(active, statusTrue, v1alpha1.ReasonInSync, "")
		if reported, _ := standby.store.reported(); reported.Classes[0].State != contract.ClassInSync {
			t.Errorf("the classes are %+v", reported.Classes)
		}
		active.stop()
		<-active.done
		standby.becomes(t, ha.Active, time.Second)
	})
}
