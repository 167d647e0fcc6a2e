//go:build netns

package pair_test

import (
	"encoding/json"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// blocking drops connections of the addresses that a provider adds, and accepts others of the LAN.
const blocking = `
  addresses:
  - {name: blocked, dynamic: true}
  - {name: updates, fqdn: [updates.example.com]}
  policies:
  - {name: blocked, from: [lan], to: [wan], source: [blocked], action: Drop}
  - {name: updates, from: [lan], to: [wan], destination: [updates], action: Accept}
  - {name: lan-to-wan, from: [lan], to: [wan], action: Accept}
`

// newBlocking starts a pair with the rules of the firewall and a provider that adds addresses.
func newBlocking(t *testing.T, classes ...state.Class) *pair.Pair {
	t.Helper()
	bed := pair.New(t, pair.Options{Providers: true, Replicated: classes})
	for _, router := range []*testbed.Namespace{bed.Primary, bed.Secondary} {
		enforce(t, router, blocking)
	}
	for _, address := range []string{testbed.ServerAddress, testbed.ServerAddressIPv6} {
		bed.Server.ServeTCP(t, net.JoinHostPort(address, "80"), func(conn net.Conn) { _ = conn.Close() })
	}
	awaitWritable(t, bed.Active)
	return bed
}

// members sends a request about the class of address objects with curl, and returns the body.
func members(t *testing.T, u *pair.Unit, path string, arguments ...string) string {
	t.Helper()
	output, err := exec.Command("curl", append([]string{
		"--silent", "--show-error", "--unix-socket", u.Socket(), "http://unit/v1/classes/DynamicAddressObjects" + path,
	}, arguments...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("curl at %s: %v, %s", u.Name, err, output)
	}
	return string(output)
}

// lives returns what remains of each member at a unit, by key.
func lives(t *testing.T, u *pair.Unit) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(members(t, u, "")) {
		var e localapi.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e.Type == localapi.Put {
			all[e.Key] = e.Life
		}
	}
	return all
}

func entry(key string) string { return "/entries/" + url.PathEscape(key) }

// isServed reports whether the client reaches the server at an address.
func isServed(t *testing.T, bed *pair.Pair, address string) (isReached bool) {
	t.Helper()
	err := bed.Client.Do(func() error {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "80"), 300*time.Millisecond)
		if isReached = err == nil; isReached {
			return conn.Close()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return isReached
}

// The members of the tests are the client's addresses, and a third one that stays until it is deleted.
const (
	client4, client6   = "blocked/" + testbed.ClientAddress, "blocked/" + testbed.ClientAddressIPv6
	lasting            = "blocked/192.0.2.7"
	blockedFor         = 100 * time.Second
	remainingTolerance = 1.0 // seconds
)

// block adds the members at the active unit, and waits until the standby has them.
func block(t *testing.T, bed *pair.Pair) {
	t.Helper()
	life := "&life=" + localapi.FormatSeconds(blockedFor)
	for key, life := range map[string]string{client4: life, client6: life, lasting: ""} {
		answer := members(t, bed.Active, entry(key)+"?term=1&durable=5"+life, "--request", "PUT", "--data", "{}")
		if !strings.Contains(answer, `"durable":true`) {
			t.Errorf("adding %s: %s", key, answer)
		}
	}
}

// wantEqualLives checks that the standby has the members with the time that they have on the active.
func wantEqualLives(t *testing.T, bed *pair.Pair) {
	t.Helper()
	had, has := lives(t, bed.Active), lives(t, bed.Standby)
	if len(had) != 3 || len(has) != 3 {
		t.Fatalf("the active has %v, and the standby %v", had, has)
	}
	for key := range had {
		t.Logf("%s has %.2f s left on the active and %.2f s on the standby", key, had[key], has[key])
		if d := had[key] - has[key]; d < -remainingTolerance || d > remainingTolerance {
			t.Errorf("%s has %.2f s left on the active and %.2f s on the standby", key, had[key], has[key])
		}
	}
}

// TestMembersOfProvidersSurviveLossOfPower adds addresses to an object at the active with curl. The standby has them
// with the time that is left, and blocks the client after the active has lost its power. The provider removes them
// there.
func TestMembersOfProvidersSurviveLossOfPower(t *testing.T) {
	bed := newBlocking(t, state.DynamicAddressObjects)
	testbed.Eventually(t, "the client reaches the server", func() bool {
		return isServed(t, bed, testbed.ServerAddress) && isServed(t, bed, testbed.ServerAddressIPv6)
	})
	start := time.Now()
	block(t, bed)
	wantEqualLives(t, bed)
	if isServed(t, bed, testbed.ServerAddress) || isServed(t, bed, testbed.ServerAddressIPv6) {
		t.Error("the active does not block the client")
	}
	bed.Failover()
	left := (blockedFor - time.Since(start)).Seconds()
	for key, life := range lives(t, bed.Active) {
		if key != lasting && (life < left-remainingTolerance || life > left+remainingTolerance) {
			t.Errorf("%s has %.1f seconds left after the loss of power, want %.1f", key, life, left)
		}
	}
	if isServed(t, bed, testbed.ServerAddress) || isServed(t, bed, testbed.ServerAddressIPv6) {
		t.Error("the new active does not block the client")
	}
	// The unit that returns gets what it does not have, with the time that is left.
	returning := bed.Primary
	returning.Run(t, "nft flush set inet hapair dynamic.blocked.ipv4")
	returning.Run(t, "nft flush set inet hapair dynamic.blocked.ipv6")
	bed.Return()
	wantEqualLives(t, bed)
	for _, key := range []string{client4, client6, client4} {
		members(t, bed.Active, entry(key)+"?term=2", "--request", "DELETE")
	}
	testbed.Eventually(t, "the client that the provider removed reaches the server", func() bool {
		return isServed(t, bed, testbed.ServerAddress) && isServed(t, bed, testbed.ServerAddressIPv6)
	})
	if has := lives(t, bed.Active); len(has) != 1 {
		t.Errorf("the new active has %v", has)
	}
}

// TestMembersOfProvidersAreLostWithoutTheClass is the control.
func TestMembersOfProvidersAreLostWithoutTheClass(t *testing.T) {
	bed := newBlocking(t)
	answer := members(t, bed.Active, entry(client4)+"?term=1&durable=5", "--request", "PUT", "--data", "{}")
	if !strings.Contains(answer, `"durable":false`) || isServed(t, bed, testbed.ServerAddress) {
		t.Errorf("the active does not block the client: %s", answer)
	}
	bed.Failover()
	testbed.Eventually(t, "the new active does not know the member, so that the other test proves something",
		func() bool { return isServed(t, bed, testbed.ServerAddress) })
}

// TestRefusedMembersNameTheRemedy sends requests that the sidecar refuses. A batch that is refused changes nothing.
func TestRefusedMembersNameTheRemedy(t *testing.T) {
	bed := newBlocking(t, state.DynamicAddressObjects)
	put := []string{"--request", "PUT", "--data", "{}"}
	post := func(lines string) []string { return []string{"--request", "POST", "--data-binary", lines} }
	for name, c := range map[string]struct {
		unit      *pair.Unit
		path      string
		arguments []string
		want      []string
	}{
		"no such object": {bed.Active, entry("blokced/192.0.2.7") + "?term=1", put, []string{
			`"status":422`, "no dynamic address object blokced", "add the object with dynamic: true",
		}},
		"an object of names": {bed.Active, entry("updates/192.0.2.7") + "?term=1", put, []string{
			`"status":422`, "object updates are those of its DNS names", "add dynamic: true",
		}},
		"no address": {bed.Active, entry("blocked/192.0.2.0%2f24") + "?term=1", put, []string{
			`"status":422`, "no IPv4 or IPv6 address that object blocked can have",
		}},
		"no object": {bed.Active, entry("192.0.2.7") + "?term=1", put, []string{`"status":422`, "as in blocked/192.0.2.7"}},
		"a value": {bed.Active, entry(lasting) + "?term=1", []string{"--request", "PUT", "--data", "1"}, []string{
			`"status":422`, "an address has no value; send {}",
		}},
		"a standby":    {bed.Standby, entry(lasting) + "?term=1", put, []string{`"status":409`}},
		"another term": {bed.Active, entry(lasting) + "?term=9", put, []string{`"status":412`}},
		"a watch":      {bed.Active, "?watch=true", nil, []string{`"status":422`, "has no revisions; list it"}},
		"a revision":   {bed.Active, "/held?revision=0", []string{"--request", "PUT"}, []string{`"status":422`}},
		"a replacement": {bed.Active, "?term=1&replace=true", post(""), []string{
			`"status":422`, "replace would delete addresses that policies and other providers added",
		}},
		"a batch": {bed.Active, "?term=1", post(`{"type":"Put","key":"` + lasting + `","value":{}}` + "\n" +
			`{"type":"Put","key":"updates/192.0.2.8","value":{}}`), []string{`"status":422`, "object updates"}},
	} {
		t.Run(name, func(t *testing.T) {
			answer := members(t, c.unit, c.path, c.arguments...)
			for _, want := range c.want {
				if !strings.Contains(answer, want) {
					t.Errorf("got %s, want %q", answer, want)
				}
			}
		})
	}
	if has := lives(t, bed.Active); len(has) != 0 {
		t.Errorf("refused requests added %v", has)
	}
}
