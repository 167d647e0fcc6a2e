//go:build netns

package pair_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// curl sends a request to the provider's socket of a unit, as a provider written in shell does. It returns the body.
func curl(t *testing.T, u *pair.Unit, path string, arguments ...string) string {
	t.Helper()
	arguments = append([]string{
		"--silent", "--show-error", "--unix-socket", u.Socket(), "http://unit/v1/classes/" + pair.ProviderClass + path,
	}, arguments...)
	output, err := exec.Command("curl", arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("curl at %s: %v, %s", u.Name, err, output)
	}
	return string(output)
}

// publish writes an entry at a unit, durably, in the first term of the pair.
func publish(t *testing.T, u *pair.Unit, key, value string, life time.Duration) localapi.Written {
	t.Helper()
	path := fmt.Sprintf("/entries/%s?term=1&durable=5&life=%s", key, localapi.FormatSeconds(life))
	answer := curl(t, u, path, "--request", "PUT", "--data", value)
	var written localapi.Written
	if err := json.Unmarshal([]byte(answer), &written); err != nil || written.Revision == 0 {
		t.Fatalf("Publishing at %s: %s", u.Name, answer)
	}
	return written
}

// entriesOf returns the entries that a provider reads at a unit, by key.
func entriesOf(t *testing.T, u *pair.Unit) map[string]localapi.Event {
	t.Helper()
	entries := map[string]localapi.Event{}
	for line := range strings.Lines(curl(t, u, "")) {
		var e localapi.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e.Type == localapi.Put {
			entries[e.Key] = e
		}
	}
	return entries
}

// The lease is far longer than the test, and the session ends during it.
const (
	leaseLife   = 100 * time.Second
	sessionLife = 2 * time.Second
)

// TestProviderStateSurvivesLossOfPower publishes at the active with curl, and reads at the standby. It reads again
// after the active has lost its power, with what remains of the lives.
func TestProviderStateSurvivesLossOfPower(t *testing.T) {
	bed := pair.New(t, pair.Options{Providers: true})
	bed.Active.Commit() // as every active has done
	awaitWritable(t, bed.Active)
	start := time.Now()
	if w := publish(t, bed.Active, "lease", `{"address": "192.0.2.7"}`, leaseLife); !w.Durable {
		t.Fatalf("the write is not durable: %+v", w)
	}
	publish(t, bed.Active, "session", `"alice"`, sessionLife)
	standby := entriesOf(t, bed.Standby)
	if string(standby["lease"].Value) != `{"address":"192.0.2.7"}` || len(standby) != 2 {
		t.Fatalf("the standby has %v", standby)
	}
	next := bed.Standby
	testbed.Eventually(t, "the session has ended at the active alone", func() bool {
		return len(entriesOf(t, bed.Active)) == 1
	})
	publish(t, bed.Active, "short", `"bob"`, sessionLife)
	bed.Failover()
	survived := entriesOf(t, next)
	passed := time.Since(start)
	remaining, earliest := survived["lease"].Life, (leaseLife - passed).Seconds()
	t.Logf("%s after it was published, the lease has %.1f of %.0f seconds left", passed.Round(time.Millisecond), remaining,
		leaseLife.Seconds())
	if remaining < earliest-0.5 || remaining > leaseLife.Seconds()-sessionLife.Seconds() {
		t.Errorf("the lease has %.1f seconds left, want about %.1f", remaining, earliest)
	}
	if _, returned := survived["session"]; returned {
		t.Error("a session that had ended has returned")
	}
	if _, kept := survived["short"]; !kept {
		t.Error("an entry that had not ended was lost")
	}
}

// TestProviderStateIsLostWithoutTheClass is the control: without the class, neither the standby nor the new active has
// the entry.
func TestProviderStateIsLostWithoutTheClass(t *testing.T) {
	bed := pair.New(t, pair.Options{Providers: true, WithoutProvided: true})
	awaitWritable(t, bed.Active)
	if w := publish(t, bed.Active, "lease", `{"address": "192.0.2.7"}`, leaseLife); w.Durable {
		t.Error("a write is durable that is not replicated")
	}
	next := bed.Standby
	if got := entriesOf(t, next); len(got) != 0 {
		t.Errorf("the standby has %v", got)
	}
	bed.Failover()
	if got := entriesOf(t, next); len(got) != 0 {
		t.Errorf("the new active has %v, so the other test proves nothing", got)
	}
}

// awaitWritable waits until the provider at a unit may write.
func awaitWritable(t *testing.T, u *pair.Unit) {
	t.Helper()
	testbed.Eventually(t, "the provider may write", func() bool {
		return strings.HasPrefix(curl(t, u, ""), `{"type":"List","role":"Active","term":1`)
	})
}
