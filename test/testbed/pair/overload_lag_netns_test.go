//go:build netns

package pair_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// phase is a part of TestOverloadLag: the lags that were measured while something was renewed.
type phase struct {
	name string
	// put renews something, with a pause after each. It is nil if nothing is renewed.
	put   func(i int)
	pause time.Duration
	lags  []time.Duration
	// renewals is how often put was called, in the time that the phase took.
	renewals int
	took     time.Duration
}

// TestOverloadLag compares the lag of connections in a pair that is full of other state with the lag in a pair that
// replicates nothing else. Both are measured in turns, so that whatever else the machine does slows down both.
func TestOverloadLag(t *testing.T) {
	testbed.OnlyInOverload(t)
	const rounds, each, pause, allowed = 30, 50, 5 * time.Millisecond, 1.1
	const often, seldom = time.Millisecond, 40 * time.Millisecond
	full := newBlocking(t, state.FTP, state.DynamicAddressObjects, state.ARP)
	alone := pair.New(t, pair.Options{})
	for _, router := range []*testbed.Namespace{alone.Primary, alone.Secondary} {
		enforce(t, router, blocking)
	}
	load := fill(t, full)
	fullActive, fullStandby := openRouter(t, full.Primary), openRouter(t, full.Secondary)
	active, standby := openRouter(t, alone.Primary), openRouter(t, alone.Secondary)
	resting := &phase{name: "with 10,000 elements and 4,096 groups"}
	phases := []*phase{
		resting,
		{name: "while groups are renewed", put: load.putGroup, pause: often},
		{name: "while elements are renewed often", put: load.putElement, pause: often},
		{name: "while elements are renewed seldom", put: load.putElement, pause: seldom},
	}
	var without []time.Duration
	for first := 0; first < rounds*each; first += each {
		without = append(without, measureLags(t, active, standby, first, each, pause)...)
		for way, p := range phases {
			start := time.Now()
			stop := load.change(p)
			p.lags = append(p.lags, measureLags(t, fullActive, fullStandby, way*rounds*each+first, each, pause)...)
			stop()
			p.took += time.Since(start)
		}
	}
	slices.Sort(without)
	report := func(p *phase) {
		slices.Sort(p.lags)
		t.Logf("%-38s %4.0f/s p50 %-7s p90 %-9s p99 %-9s the median is %.2f times that without", p.name,
			float64(p.renewals)/p.took.Seconds(), percentile(p.lags, 50), percentile(p.lags, 90), percentile(p.lags, 99),
			ratioOf(p.lags, without))
	}
	report(&phase{name: "without other classes", lags: without, took: time.Second})
	for _, p := range phases {
		report(p)
	}
	wantMemory(t, full.Active, full.Standby)
	if ratio := ratioOf(resting.lags, without); ratio > allowed {
		t.Errorf("state of other classes makes the lag of connections %.2f times as long, want at most %v", ratio, allowed)
	}
}

// ratioOf returns the ratio of two medians.
func ratioOf(a, b []time.Duration) float64 {
	return float64(percentile(a, 50)) / float64(percentile(b, 50))
}

// otherState is the state of other classes than connections in a pair.
type otherState struct {
	t                *testing.T
	elements, groups *client.Client
}

// The numbers of elements and groups of a full pair.
const manyElements, fullGroups = 10_000, 4096

// fill gives a pair as many dynamic elements and groups as it may have.
func fill(t *testing.T, bed *pair.Pair) *otherState {
	t.Helper()
	open := func(socket string) *client.Client {
		c := client.New(client.Config{Socket: socket, Log: logr.Discard()})
		t.Cleanup(c.Close)
		return c
	}
	o := &otherState{t: t, elements: open(bed.Active.Socket()), groups: open(bed.Active.FirewallSocket())}
	for i := range manyElements {
		o.putElement(i)
	}
	for i := range fullGroups {
		o.putGroup(i)
	}
	bed.Active.Flush()
	return o
}

func (o *otherState) putElement(i int) {
	key := fmt.Sprintf("blocked/198.18.%d.%d", i%manyElements/256, i%256)
	o.put(o.elements, state.DynamicAddressObjects, key, "{}")
}

func (o *otherState) putGroup(i int) {
	o.put(o.groups, state.Multicast, "member/lan0/"+groupNumber(i%fullGroups).String(), `{"exclude":true}`)
}

// put writes an entry that ends within an hour.
func (o *otherState) put(c *client.Client, class state.Class, key, value string) {
	e := client.Entry{Key: key, Value: json.RawMessage(value), Life: time.Hour}
	if _, err := c.Put(context.Background(), class.String(), e, 1, 0); err != nil {
		o.t.Errorf("writing %s: %v", key, err)
	}
}

// change renews one entry after the other, with a pause after each, until stop is called.
func (o *otherState) change(p *phase) (stop func()) {
	ctx, cancel := context.WithCancel(o.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for p.put != nil && backoff.Sleep(ctx, p.pause) {
			p.put(p.renewals)
			p.renewals++
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
