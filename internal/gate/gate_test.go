package gate

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kernel is two interfaces in memory.
type kernel struct {
	mu         sync.Mutex
	forwarding map[string]bool
	blackholes []string
	fails      error
}

func newKernel() *kernel { return &kernel{forwarding: map[string]bool{"lan": true, "wan": true}} }

func (k *kernel) Link(name string) (rtnetlink.Link, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	index := map[string]int{"lan": 1, "wan": 2}[name]
	return rtnetlink.Link{Index: index, Name: name, IPv4: rtnetlink.Devconf{Forwarding: k.forwarding[name]}}, nil
}

func (k *kernel) SetDevconf(index int, d rtnetlink.Devconf) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails != nil && index == 1 {
		return k.fails
	}
	k.forwarding[map[int]string{1: "lan", 2: "wan"}[index]] = d.Forwarding
	return nil
}

func (k *kernel) SetBlackholes(_, wanted []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.blackholes = wanted
	return nil
}

// open tells whether each interface forwards, and whether both drop IPv6.
func (k *kernel) open() (lan, wan, dropping bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.forwarding["lan"], k.forwarding["wan"], len(k.blackholes) == 2
}

func (k *kernel) want(t *testing.T, when string, lan, wan, dropping bool) {
	t.Helper()
	if l, w, d := k.open(); l != lan || w != wan || d != dropping {
		t.Errorf("%s: lan %t, wan %t, IPv6 dropped %t", when, l, w, d)
	}
}

// inBubble runs a gate whose clock is the bubble's.
func inBubble(t *testing.T, do func(t *testing.T, g *Gate, k *kernel, now func() time.Duration)) {
	synctest.Test(t, func(t *testing.T) {
		epoch := time.Now()
		now := func() time.Duration { return time.Hour + time.Since(epoch) }
		k := newKernel()
		g := New([]string{"lan", "wan"}, k, now, logr.Discard())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.Run(ctx)
		}()
		do(t, g, k, now)
		cancel()
		<-done
	})
}

func TestClosesLeftovers(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, _ func() time.Duration) {
		if err := g.Set(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		k.want(t, "after the first close", false, false, true)
		if g.Open() == nil {
			t.Error("a closed gate looks open")
		}
	})
}

func TestClosesItselfAtItsDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		if err := g.Set(t.Context(), Config{Until: now() + time.Second}); err != nil {
			t.Fatal(err)
		}
		k.want(t, "open", true, true, false)
		time.Sleep(900 * time.Millisecond)
		if err := g.Set(t.Context(), Config{Until: now() + time.Second}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(999 * time.Millisecond)
		k.want(t, "extended", true, true, false)
		if err := g.Open(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Millisecond)
		k.want(t, "past the deadline", false, false, true)
	})
}

func TestOpensNothingPastTheDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		until := now() + time.Second
		time.Sleep(time.Second)
		if err := g.Set(t.Context(), Config{Until: until}); !errors.Is(err, errPassed) {
			t.Errorf("opened too late: %v", err)
		}
		k.want(t, "too late", false, false, true)
	})
}

func TestClosesWhatItCanAndTriesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		if err := g.Set(t.Context(), Config{Until: now() + time.Second}); err != nil {
			t.Fatal(err)
		}
		k.mu.Lock()
		k.fails = errors.New("no such device")
		k.mu.Unlock()
		time.Sleep(1001 * time.Millisecond)
		k.want(t, "with one interface stuck", true, false, true)
		k.mu.Lock()
		k.fails = nil
		k.mu.Unlock()
		time.Sleep(watchInterval)
		k.want(t, "tried again", false, false, true)
	})
}
