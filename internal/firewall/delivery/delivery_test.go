package delivery

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestChoose(t *testing.T) {
	given, received := []byte("given"), []byte("received")
	for name, test := range map[string]struct {
		active                bool
		given, received, want []byte
	}{
		"active: given and received":          {true, given, received, given},
		"active: received alone":              {true, nil, received, received},
		"active: given alone":                 {true, given, nil, given},
		"active: neither":                     {true, nil, nil, nil},
		"active: given an empty document":     {true, []byte{}, received, []byte{}},
		"standby: given and received":         {false, given, received, received},
		"standby: given alone":                {false, given, nil, given},
		"standby: received alone":             {false, nil, received, received},
		"standby: neither":                    {false, nil, nil, nil},
		"standby: received an empty document": {false, given, []byte{}, []byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := choose(test.active, test.given, test.received)
			if string(got) != string(test.want) || (got == nil) != (test.want == nil) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// unit is a running delivery, with a firewall that refuses only documents with the word "refused".
type unit struct {
	t         *testing.T
	directory string
	replica   *configuration.Configuration
	delivery  *Delivery
}

func newUnit(t *testing.T, given string) *unit {
	t.Helper()
	u := &unit{t: t, directory: t.TempDir(), replica: configuration.New()}
	if given != "" {
		u.give(given)
	}
	u.delivery = New(Config{
		GivenFile: u.path("given"), FirewallFile: u.path("delivered"), Replica: u.replica, Log: logr.Discard(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { u.delivery.Run(ctx) })
	running.Go(func() { u.enforce(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return u
}

func (u *unit) path(name string) string { return filepath.Join(u.directory, name) }

// give mounts another document as a kubelet does, by renaming a new file.
func (u *unit) give(text string) {
	u.t.Helper()
	if err := os.WriteFile(u.path("next"), []byte(text), 0o644); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Rename(u.path("next"), u.path("given")); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unit) delivered() string {
	text, err := os.ReadFile(u.path("delivered"))
	if err != nil && !os.IsNotExist(err) {
		u.t.Error(err)
	}
	return string(text)
}

// enforce runs the firewall.
func (u *unit) enforce(ctx context.Context) {
	last := ""
	for ctx.Err() == nil {
		if text := u.delivered(); text != last && text != "" && !strings.Contains(text, "refused") {
			last = text
			u.delivery.InForce(document.Hash([]byte(text)))
		}
		time.Sleep(time.Millisecond)
	}
}

func (u *unit) awaitDelivered(want string) {
	u.t.Helper()
	for end := time.Now().Add(10 * time.Second); u.delivered() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			u.t.Fatalf("%q was delivered, want %q", u.delivered(), want)
		}
	}
}

// connect replicates from one unit to another until stop is called.
func connect(t *testing.T, active, standby *unit) (stop func()) {
	t.Helper()
	w, err := active.replica.Class().Source.Watch()
	if err != nil {
		t.Fatal(err)
	}
	sink := standby.replica.Class().Sink
	if err := active.replica.Class().Source.Snapshot(t.Context(), func(changes []state.Change) error {
		_, err := sink.Apply(t.Context(), changes)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			batch, err := w.Receive(ctx)
			if err != nil {
				return
			}
			if _, err := sink.Apply(ctx, batch.Changes); err != nil {
				t.Error(err)
			}
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		_ = w.Close()
	})
	t.Cleanup(stop)
	return stop
}

// soon is longer than a delivery takes.
const soon = 3 * pollInterval

// A standby waits for the active, even if it has the document already.
func TestStandbyFollowsTheActive(t *testing.T) {
	active, standby := newUnit(t, "one"), newUnit(t, "one")
	active.awaitDelivered("one")
	standby.awaitDelivered("one")
	active.delivery.Become(true)
	connect(t, active, standby)

	active.give("two")
	active.awaitDelivered("two")
	standby.awaitDelivered("two")

	standby.give("three")
	time.Sleep(soon)
	standby.awaitDelivered("two")
	active.give("three")
	standby.awaitDelivered("three")
}

// A document that the firewall of the active refuses does not reach the standby.
func TestRefusedDocumentIsNotReplicated(t *testing.T) {
	active, standby := newUnit(t, "one"), newUnit(t, "one")
	active.delivery.Become(true)
	connect(t, active, standby)
	standby.awaitDelivered("one")
	awaitReplica(t, standby, "one")

	active.give("refused")
	standby.give("refused")
	active.awaitDelivered("refused")
	time.Sleep(soon)
	standby.awaitDelivered("one")

	active.give("two")
	standby.awaitDelivered("two")
}

// awaitReplica waits until a unit has received a document.
func awaitReplica(t *testing.T, u *unit, want string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		text, whole := u.replica.Document()
		if whole && string(text) == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("received %q (whole %v), want %q", text, whole, want)
		}
	}
}

// A unit that becomes active enforces the operator's newest document, and the other follows.
func TestRolesChange(t *testing.T) {
	first, second := newUnit(t, "one"), newUnit(t, "one")
	first.delivery.Become(true)
	stop := connect(t, first, second)
	awaitReplica(t, second, "one")
	second.give("two")
	time.Sleep(soon)
	second.awaitDelivered("one")

	stop()
	first.delivery.Become(false)
	second.delivery.Become(true)
	second.awaitDelivered("two")
	connect(t, second, first)
	first.awaitDelivered("two")
}

// A unit without a peer enforces the operator's document.
func TestUnitWithoutAPeer(t *testing.T) {
	u := newUnit(t, "")
	time.Sleep(soon)
	if got := u.delivered(); got != "" {
		t.Errorf("%q was delivered", got)
	}
	u.give("one")
	u.awaitDelivered("one")
	u.give("two")
	u.awaitDelivered("two")
}

// A document that is too long or missing does not replace the last one.
func TestUnreadableDocumentLeavesTheLastOne(t *testing.T) {
	u := newUnit(t, "one")
	u.awaitDelivered("one")
	u.give(strings.Repeat("x", document.MaxBytes+1))
	time.Sleep(soon)
	u.awaitDelivered("one")
	if err := os.Remove(u.path("given")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(soon)
	u.awaitDelivered("one")
	u.give("two")
	u.awaitDelivered("two")
}
