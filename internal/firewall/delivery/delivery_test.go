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
		"an active takes what it was given":                  {true, given, received, given},
		"an active that was given nothing goes on":           {true, nil, received, received},
		"a standby takes what it received":                   {false, given, received, received},
		"a standby that received nothing takes what it has":  {false, given, nil, given},
		"a standby that was given nothing has the other's":   {false, nil, received, received},
		"a unit that has neither waits":                      {false, nil, nil, nil},
		"and so does an active":                              {true, nil, nil, nil},
		"an active that received nothing takes what it has":  {true, given, nil, given},
		"an empty document is a document, if a refused one":  {false, given, []byte{}, []byte{}},
		"an empty document that was given is one just as it": {true, []byte{}, received, []byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := choose(test.active, test.given, test.received)
			if string(got) != string(test.want) || (got == nil) != (test.want == nil) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// unit is a handover at work, with a firewall that takes whatever does not say "refused".
type unit struct {
	t         *testing.T
	directory string
	replica   *configuration.Configuration
	handover  *Handover
}

func newUnit(t *testing.T, given string) *unit {
	t.Helper()
	u := &unit{t: t, directory: t.TempDir(), replica: configuration.New()}
	if given != "" {
		u.give(given)
	}
	u.handover = New(Config{
		GivenFile: u.path("given"), FirewallFile: u.path("handed"), Replica: u.replica, Log: logr.Discard(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { u.handover.Run(ctx) })
	running.Go(func() { u.enforce(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return u
}

func (u *unit) path(name string) string { return filepath.Join(u.directory, name) }

// give mounts another document, as a kubelet does: by another file in its place.
func (u *unit) give(text string) {
	u.t.Helper()
	if err := os.WriteFile(u.path("next"), []byte(text), 0o644); err != nil {
		u.t.Fatal(err)
	}
	if err := os.Rename(u.path("next"), u.path("given")); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unit) handed() string {
	text, err := os.ReadFile(u.path("handed"))
	if err != nil && !os.IsNotExist(err) {
		u.t.Error(err)
	}
	return string(text)
}

// enforce is the firewall.
func (u *unit) enforce(ctx context.Context) {
	last := ""
	for ctx.Err() == nil {
		if text := u.handed(); text != last && text != "" && !strings.Contains(text, "refused") {
			last = text
			u.handover.InForce(document.Hash([]byte(text)))
		}
		time.Sleep(time.Millisecond)
	}
}

func (u *unit) awaitHanded(want string) {
	u.t.Helper()
	for end := time.Now().Add(10 * time.Second); u.handed() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			u.t.Fatalf("the firewall was handed %q, want %q", u.handed(), want)
		}
	}
}

// connect replicates from one unit to another until the function that is returned is called.
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

// soon is longer than a handover takes to see and do anything.
const soon = 3 * lookInterval

// A standby waits for the active, however long it has had the document itself.
func TestStandbyFollowsTheActive(t *testing.T) {
	active, standby := newUnit(t, "one"), newUnit(t, "one")
	active.awaitHanded("one")
	standby.awaitHanded("one")
	active.handover.Become(true)
	connect(t, active, standby)

	active.give("two")
	active.awaitHanded("two")
	standby.awaitHanded("two")

	standby.give("three")
	time.Sleep(soon)
	standby.awaitHanded("two")
	active.give("three")
	standby.awaitHanded("three")
}

// What the active's firewall refuses stays with the active.
func TestRefusedDocumentGoesNoFurther(t *testing.T) {
	active, standby := newUnit(t, "one"), newUnit(t, "one")
	active.handover.Become(true)
	connect(t, active, standby)
	standby.awaitHanded("one")
	awaitReplica(t, standby, "one")

	active.give("refused")
	standby.give("refused")
	active.awaitHanded("refused")
	time.Sleep(soon)
	standby.awaitHanded("one")

	active.give("two")
	standby.awaitHanded("two")
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

// Whoever becomes active enforces the operator's newest word, and the other follows.
func TestRolesChange(t *testing.T) {
	first, second := newUnit(t, "one"), newUnit(t, "one")
	first.handover.Become(true)
	stop := connect(t, first, second)
	awaitReplica(t, second, "one")
	second.give("two")
	time.Sleep(soon)
	second.awaitHanded("one")

	stop()
	first.handover.Become(false)
	second.handover.Become(true)
	second.awaitHanded("two")
	connect(t, second, first)
	first.awaitHanded("two")
}

// A unit that is alone takes what it is given.
func TestUnitWithoutAPeer(t *testing.T) {
	u := newUnit(t, "")
	time.Sleep(soon)
	if got := u.handed(); got != "" {
		t.Errorf("handed %q", got)
	}
	u.give("one")
	u.awaitHanded("one")
	u.give("two")
	u.awaitHanded("two")
}

// Neither a document that is too long nor one that cannot be read takes the place of the last.
func TestDocumentThatCannotBeRead(t *testing.T) {
	u := newUnit(t, "one")
	u.awaitHanded("one")
	u.give(strings.Repeat("x", document.MaxBytes+1))
	time.Sleep(soon)
	u.awaitHanded("one")
	if err := os.Remove(u.path("given")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(soon)
	u.awaitHanded("one")
	u.give("two")
	u.awaitHanded("two")
}
