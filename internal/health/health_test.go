package health

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// monitored runs monitors of interfaces and probes in a bubble; none of the targets answers. Changing the interfaces
// tells the monitors, unless that is broken.
func monitored(
	t *testing.T, k *interfaces, probes []contract.Probe,
	do func(t *testing.T, change func(func()), broken chan<- error, told func() []Report),
) {
	synctest.Test(t, func(t *testing.T) {
		m, err := New(Options{Networks: []string{"lan", "wan"}, Probes: probes, Kernel: k, Log: logr.Discard()})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.probes {
			p.ask = func(context.Context, Origin) error { return errors.New("connection refused") }
		}
		changes, broken := make(chan struct{}), make(chan error)
		m.follow = func(ctx context.Context, changed func()) error {
			changed()
			for {
				select {
				case <-ctx.Done():
					return nil
				case err := <-broken:
					return err
				case <-changes:
					changed()
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		var reports []Report
		running.Go(func() { m.Run(ctx, func(r Report) { reports = append(reports, r) }) })
		synctest.Wait()
		do(t, func(f func()) {
			f()
			changes <- struct{}{}
		}, broken, func() []Report {
			synctest.Wait()
			told := reports
			reports = nil
			return told
		})
		cancel()
		running.Wait()
	})
}

// summary is a report with the messages of the checks that failed.
type summary struct {
	Links, Probes, Judged uint16
	Faults                []string
}

// faults returns the messages of the checks that failed.
func faults(r Report) []string {
	var all []string
	for _, c := range r.Checks {
		if !c.Healthy {
			all = append(all, c.Message)
		}
	}
	return all
}

func wantReports(t *testing.T, when string, got []Report, want ...summary) {
	t.Helper()
	same := func(r Report, s summary) bool {
		return reflect.DeepEqual(summary{r.Links, r.Probes, r.Judged, faults(r)}, s)
	}
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("%s: %+v instead of %+v", when, got, want)
	}
}

func TestLinks(t *testing.T) {
	k := &interfaces{links: map[string]rtnetlink.Link{"lan": working, "wan": working}}
	monitored(t, k, nil, func(t *testing.T, change func(func()), _ chan<- error, told func() []Report) {
		wantReports(t, "at first", told(), summary{Links: 3})
		for _, test := range []struct {
			link  rtnetlink.Link
			fault string
		}{
			{rtnetlink.Link{Enabled: true}, "interface wan has no carrier"},
			{rtnetlink.Link{}, "interface wan is switched off"},
			{rtnetlink.Link{Enabled: true, Up: true}, "interface wan has a carrier, and its port does not let packets pass"},
		} {
			change(func() { k.links["wan"] = test.link })
			wantReports(t, test.fault, told(), summary{Links: 1, Faults: []string{test.fault}})
		}
		change(func() { delete(k.links, "wan") })
		wantReports(t, "gone", told(), summary{Links: 1, Faults: []string{"interface wan is gone"}})
		change(func() {})
		wantReports(t, "nothing changed", told())
		change(func() { k.links["wan"] = working })
		wantReports(t, "there again", told(), summary{Links: 3})
		time.Sleep(time.Hour)
		wantReports(t, "an hour later", told())
	})
}

// What could not be looked at is bad, and looked at again without anybody telling.
func TestLinksThatCannotBeLookedAt(t *testing.T) {
	k := &interfaces{links: map[string]rtnetlink.Link{"lan": working, "wan": working}}
	monitored(t, k, nil, func(t *testing.T, change func(func()), _ chan<- error, told func() []Report) {
		told()
		change(func() { k.fails = errors.New("out of memory") })
		wantReports(t, "failing", told(), summary{Faults: []string{
			"interface lan could not be looked at: out of memory", "interface wan could not be looked at: out of memory",
		}})
		k.fails = nil
		time.Sleep(lookAgain)
		wantReports(t, "a second later", told(), summary{Links: 3})
	})
}

// When the kernel's news end, they are asked for again, and what happened meanwhile is seen.
func TestLinksAfterTheNewsEnded(t *testing.T) {
	k := &interfaces{links: map[string]rtnetlink.Link{"lan": working, "wan": working}}
	monitored(t, k, nil, func(t *testing.T, change func(func()), broken chan<- error, told func() []Report) {
		told()
		broken <- errors.New("bad file descriptor")
		k.links["lan"] = rtnetlink.Link{}
		wantReports(t, "not told", told())
		time.Sleep(lookAgain)
		wantReports(t, "told again", told(), summary{Links: 2, Faults: []string{"interface lan is switched off"}})
		change(func() { k.links["lan"] = working })
		wantReports(t, "and again", told(), summary{Links: 3})
	})
}

// Faults of interfaces come before those of targets, each bit is its own, and an unanswered target is reported once.
func TestReport(t *testing.T) {
	k := &interfaces{links: map[string]rtnetlink.Link{"lan": working}, addresses: ownAddresses}
	second := gateway()
	second.Name, second.Interface = "resolver", "lan"
	second.FailureThreshold = 10
	monitored(t, k, []contract.Probe{gateway(), second},
		func(t *testing.T, _ func(func()), _ chan<- error, told func() []Report) {
			gone := "interface wan is gone"
			wantReports(t, "at first", told(), summary{Links: 1, Faults: []string{gone}})
			time.Sleep(maxDelay + 3*time.Second)
			first := "probe gateway: ICMP 192.0.2.254 from interface lan has failed 3 times in a row: connection refused"
			wantReports(t, "the first target", told(), summary{Links: 1, Judged: 1, Faults: []string{gone, first}})
			time.Sleep(time.Minute)
			wantReports(t, "the second target", told(), summary{Links: 1, Judged: 3, Faults: []string{
				gone, first, "probe resolver: ICMP 192.0.2.254 from interface lan has failed 10 times in a row: connection refused",
			}})
		})
}

// The board tells exactly what has changed, for any order of entries.
func TestBoard(t *testing.T) {
	var got []Report
	b := &board{
		links: make([]entry, 2), probes: make([]entry, 3), changed: func(r Report) { got = append(got, r) },
		linkChecks: []string{"network/lan", "network/wan"}, probeChecks: []string{"probe/a", "probe/b", "probe/c"},
	}
	b.setProbe(1, entry{good: true})
	wantReports(t, "before the interfaces were looked at", got)
	b.setLinks([]entry{{fault: "a"}, {good: true}})
	b.setLinks([]entry{{fault: "a"}, {good: true}})
	b.setProbe(2, entry{good: true})
	b.setProbe(0, entry{fault: "b"})
	b.setProbe(1, entry{})
	wantReports(t, "after all", got,
		summary{Links: 2, Probes: 2, Judged: 2, Faults: []string{"a"}},
		summary{Links: 2, Probes: 6, Judged: 6, Faults: []string{"a"}},
		summary{Links: 2, Probes: 6, Judged: 7, Faults: []string{"a", "b"}},
		summary{Links: 2, Probes: 4, Judged: 5, Faults: []string{"a", "b"}})
	last := got[len(got)-1].Checks
	if want := []contract.UnitHealth{
		{Name: "network/lan", Message: "a"},
		{Name: "network/wan", Healthy: true},
		{Name: "probe/a", Message: "b"},
		{Name: "probe/c", Healthy: true},
	}; !slices.Equal(last, want) {
		t.Errorf("the checks are %+v instead of %+v", last, want)
	}
}
