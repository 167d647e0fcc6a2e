package sidecar

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// A unit whose firewall reports missing routes is less healthy than one that has all of them, and says why.
func TestMissingRoutesMakeAUnitUnhealthy(t *testing.T) {
	whole := faults{health: ha.Health{Links: 3}}
	lacking := whole
	lacking.routes = &contract.UnitHealth{Name: contract.CheckRoutes, Message: "spec.routing.routes[0]: refused"}
	if got := lacking.machineHealth(); got == whole.machineHealth() || got.Unheld == 0 {
		t.Errorf("with missing routes the machine is told %+v, and with all %+v", got, whole.machineHealth())
	}
	if !slices.Contains(lacking.checks(), *lacking.routes) {
		t.Errorf("the checks are %+v", lacking.checks())
	}
	lacking.routes = &contract.UnitHealth{Name: contract.CheckRoutes, Healthy: true}
	if lacking.machineHealth() != whole.machineHealth() {
		t.Errorf("the machine is still told %+v", lacking.machineHealth())
	}
}

// What the firewall reports about its routes reaches the status of the unit.
func TestReportedRoutesReachTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := start(t, newWitness(), &link{}, 0)
		const missing = "spec.routing.routes[0]: interface is down"
		for _, want := range []contract.UnitHealth{
			{Name: contract.CheckRoutes, Message: missing}, {Name: contract.CheckRoutes, Healthy: true},
		} {
			text, err := json.Marshal(contract.FirewallStatus{Hash: "abc", RoutingError: want.Message})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(u.unit.config.FirewallStatusFile, text, 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if status, _ := u.store.reported(); !slices.Contains(status.Health, want) {
				t.Errorf("reported %+v, want %+v", status.Health, want)
			}
		}
	})
}
