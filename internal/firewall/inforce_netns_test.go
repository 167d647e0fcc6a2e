//go:build netns

package firewall_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/testbed"
)

// restoredWithin is how long the rules may be missing. It is what users are promised.
const restoredWithin = 200 * time.Millisecond

// Nothing passes before the first document, in any direction, except on the pod's own interface.
func TestEverythingIsDroppedFromTheStartOfTheProgram(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.echo(b.client, ":80")
	b.echo(b.firewall, ":80")
	b.echo(b.neighbour, ":80")
	b.eventually(func() error { return b.verify(plan.Base([]string{"lo", "eth0"})) }, gomega.Succeed())
	for _, dropped := range []struct {
		from *testbed.Namespace
		to   string
	}{
		{b.client, serverAddress + ":80"},
		{b.client, "[" + serverAddress6 + "]:80"},
		{b.client, neighbourAddress + ":80"},
		{b.neighbour, clientAddress + ":80"},
		{b.client, lanAddress + ":80"},
		{b.client, podAddress + ":80"},
		{b.server, "[" + wanAddress6 + "]:80"},
	} {
		b.mustDrop(dropped.from, dropped.to)
	}
	b.mustReach(b.neighbour, podAddress+":80")
	b.mustReach(b.firewall, neighbourAddress+":80")
	b.mustReach(b.firewall, "127.0.0.1:80")
	b.in(b.client, "ip", "neigh", "flush", "dev", "eth0")
	b.ping(b.client, lanAddress6, 0, silence)
	b.eventually(func() string { return b.in(b.client, "ip", "-6", "neigh", "show", lanAddress6) },
		gomega.ContainSubstring("lladdr"))
	// The first document replaces the base ruleset.
	b.apply(open)
	b.mustReach(b.client, serverAddress+":80")
}

// The base ruleset is restored as well, and a program that starts without rules and documents installs it.
func TestBaseRulesAreRestored(t *testing.T) {
	b := newBed(t)
	base := plan.Base([]string{"lo", "eth0"})
	b.eventually(func() error { return b.verify(base) }, gomega.Succeed())
	b.restored(base, "flush ruleset")
	b.program.Terminate()
	b.nft("flush ruleset")
	b.start()
	b.eventually(func() error { return b.verify(base) }, gomega.Succeed())
}

// Whatever is done to the table, it is as before after a moment.
func TestAlteredRulesAreRestoredAtOnce(t *testing.T) {
	b := newBed(t)
	b.apply(open)
	want := compiled(t, open)
	for _, command := range []string{
		"flush ruleset",
		"delete table inet hapair",
		"add table inet hapair { flags dormant; }",
		"flush chain inet hapair traffic.forward",
		"insert rule inet hapair traffic.forward accept",
		"delete rule inet hapair forward handle FIRST",
		"replace rule inet hapair forward handle FIRST accept",
		"delete element inet hapair zone.lan { lan }",
		"add element inet hapair traffic { eth0 }",
		"chain inet hapair forward { policy accept; }",
		"delete chain inet hapair input; add chain inet hapair input { type filter hook input priority 7; }",
		"add chain inet hapair mine { type filter hook forward priority -7; }",
	} {
		handle := regexp.MustCompile(`ifname.* # handle (\d+)`).
			FindStringSubmatch(b.in(b.firewall, "nft", "-a", "list", "chain", "inet", "hapair", "forward"))
		b.restored(want, strings.ReplaceAll(command, "FIRST", handle[1]))
	}
	b.eventually(b.program.Log.String, gomega.ContainSubstring("Restoring ruleset"))
	if status := b.status(); status.Hash != document.Hash([]byte(open)) || status.Error != "" {
		t.Errorf("the status is %+v", status)
	}
}

// The rules of the last good document are restored, also after a restart in which only the refused one can be read.
func TestLastGoodRulesAreRestoredAfterARestart(t *testing.T) {
	b := newBed(t)
	b.apply(open)
	bad := strings.Replace(open, "source: [lan-net], action", "source: [lann], action", 1)
	b.write(bad)
	b.eventually(func() string { return b.status().RefusedHash }, gomega.Equal(document.Hash([]byte(bad))))
	b.restored(compiled(t, open), "flush ruleset")
	b.program.Terminate()
	b.nft("flush ruleset")
	b.start()
	b.eventually(func() error { return b.verify(compiled(t, open)) }, gomega.Succeed())
	b.restored(compiled(t, open), "flush ruleset")
}

// A program that removes the table as fast as it can costs a bounded number of restorations and log lines. In the end
// the rules are there.
func TestFightForTheTableIsBounded(t *testing.T) {
	b := newBed(t)
	b.apply(open)
	want := compiled(t, open)
	const lasts = 2 * time.Second
	removed := 0
	err := b.firewall.Do(func() error {
		kernel := nftables.Kernel{}
		empty := ruleset.Ruleset{Table: plan.Table}
		for end := time.Now().Add(lasts); time.Now().Before(end); removed++ {
			if err := kernel.Replace(empty); err != nil && !errors.Is(err, nftables.ErrAltered) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.eventually(func() error { return b.verify(want) }, gomega.Succeed())
	lines := strings.Count(b.program.Log.String(), "Restoring ruleset")
	t.Logf("the table was emptied %d times in %v, with %d lines in the log", removed, lasts, lines)
	if lines == 0 || lines > 4 {
		t.Errorf("%d lines in the log", lines)
	}
	quiet := b.generation()
	time.Sleep(3 * restoredWithin)
	if after := b.generation(); after != quiet {
		t.Errorf("the firewall goes on changing rules: generation %d, then %d", quiet, after)
	}
}

// compiled returns the ruleset of a document.
func compiled(t *testing.T, text string) ruleset.Ruleset {
	t.Helper()
	d, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := plan.Compile(d)
	r.Document = document.Hash([]byte(text))
	return r
}

// verify compares the firewall's table with a ruleset.
func (b *bed) verify(want ruleset.Ruleset) error {
	return b.firewall.Do(func() error { return nftables.Kernel{}.Verify(want) })
}

func (b *bed) generation() (generation uint32) {
	b.Helper()
	err := b.firewall.Do(func() (err error) {
		generation, err = nftables.Kernel{}.Generation()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return generation
}

func (b *bed) nft(command string) { b.Helper(); b.in(b.firewall, "nft", command) }

// restored runs a command of nft that alters the table, and checks that the table is restored in time.
func (b *bed) restored(want ruleset.Ruleset, command string) {
	b.Helper()
	if err := b.verify(want); err != nil {
		b.Fatalf("before %q: %v", command, err)
	}
	before := b.generation()
	b.nft(command)
	altered := time.Now()
	b.eventually(func() bool { return b.generation() > before+1 && b.verify(want) == nil }, gomega.BeTrue())
	took := time.Since(altered)
	b.Logf("restored %v after %q", took.Round(100*time.Microsecond), command)
	if took > restoredWithin {
		b.Errorf("restoring took %v after %q", took, command)
	}
}
