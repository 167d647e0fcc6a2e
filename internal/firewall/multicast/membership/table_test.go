package membership

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/firewall/multicast/message"
)

var (
	group1 = netip.MustParseAddr("239.1.2.3")
	lan    = Key{"lan", group1}
)

// source returns the source of a letter.
func source(letter string) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 2, 0, letter[0]})
}

func sourcesOf(letters string) (list []netip.Addr) {
	for _, letter := range strings.Split(letters, "") {
		list = append(list, source(letter))
	}
	return list
}

func lettersOf(list []netip.Addr) (letters string) {
	for _, a := range list {
		b := a.As4()
		letters += string(rune(b[3]))
	}
	return letters
}

// text writes a state as RFC 3376 does: INCLUDE(A) or EXCLUDE(X,Y).
func text(s State) string {
	if !s.Exclude {
		return "IN(" + lettersOf(s.Wanted) + ")"
	}
	return "EX(" + lettersOf(s.Wanted) + "," + lettersOf(s.Unwanted) + ")"
}

// enter returns a table whose group has a state.
func enter(t *testing.T, state string) *Table {
	t.Helper()
	table := New(Limits{Groups: 10, Sources: 100})
	mode, rest, _ := strings.Cut(strings.TrimSuffix(state, ")"), "(")
	s := State{Exclude: mode == "EX"}
	wanted, unwanted, _ := strings.Cut(rest, ",")
	if wanted != "" {
		s.Wanted = sourcesOf(wanted)
	}
	if unwanted != "" {
		s.Unwanted = sourcesOf(unwanted)
	}
	if !table.Restore(time.Second, lan, s, Interval) {
		t.Fatal("the table is full")
	}
	return table
}

// TestTransitions has the tables of RFC 3376, 6.4.1 and 6.4.2.
func TestTransitions(t *testing.T) {
	const (
		isIn, isEx, toIn, toEx = message.IsInclude, message.IsExclude, message.ToInclude, message.ToExclude
		allow, block           = message.AllowSources, message.BlockSources
	)
	for _, c := range []struct {
		before  string
		kind    message.RecordType
		sources string
		after   string
		queries string
	}{
		{"IN(ab)", isIn, "bc", "IN(abc)", ""},
		{"IN(ab)", isEx, "bc", "EX(b,c)", ""},
		{"EX(ab,cd)", isIn, "ac", "EX(abc,d)", ""},
		{"EX(ab,cd)", isEx, "ace", "EX(ae,c)", ""},
		{"IN(ab)", allow, "bc", "IN(abc)", ""},
		{"IN(ab)", block, "bc", "IN(ab)", "G(b)"},
		{"IN(ab)", toEx, "bc", "EX(b,c)", "G(b)"},
		{"IN(ab)", toIn, "bc", "IN(abc)", "G(a)"},
		{"EX(ab,cd)", allow, "ac", "EX(abc,d)", ""},
		{"EX(ab,cd)", block, "ace", "EX(abe,cd)", "G(ae)"},
		{"EX(ab,cd)", toEx, "ace", "EX(ae,c)", "G(ae)"},
		{"EX(ab,cd)", toIn, "ac", "EX(abc,d)", "G(b)G()"},
		{"IN(a)", toIn, "", "IN(a)", "G(a)"},
		{"EX(,)", toIn, "", "EX(,)", "G()"},
	} {
		table := enter(t, c.before)
		r := message.Record{Type: c.kind, Group: group1}
		if c.sources != "" {
			r.Sources = sourcesOf(c.sources)
		}
		asked, changed := table.Report(2*time.Second, "lan", r, false)
		var queries string
		for _, q := range asked {
			queries += "G(" + lettersOf(q.Sources) + ")"
		}
		state, _, _ := table.State(2*time.Second, lan)
		if got := text(state); got != c.after || queries != c.queries || changed != (c.before != c.after) {
			t.Errorf("%s and record %d of %q became %s with queries %q, changed %t; want %s with %q",
				c.before, c.kind, c.sources, got, queries, changed, c.after, c.queries)
		}
	}
}

// A group that somebody left lasts until nobody has answered two queries. An answer keeps it.
func TestLeave(t *testing.T) {
	leave := message.Record{Type: message.ToInclude, Group: group1}
	for name, answers := range map[string]bool{"nobody answers": false, "a host answers": true} {
		table := enter(t, "EX(,)")
		if asked, _ := table.Report(10*time.Second, "lan", leave, true); len(asked) != 1 {
			t.Fatalf("%s: %d queries", name, len(asked))
		}
		if answers {
			table.Report(10500*time.Millisecond, "lan", message.Record{Type: message.IsExclude, Group: group1}, true)
		}
		repeated, _ := table.Advance(11 * time.Second)
		if len(repeated) != 1 {
			t.Errorf("%s: the query was repeated %d times after a second", name, len(repeated))
		}
		_, changed := table.Advance(12 * time.Second)
		if _, _, remains := table.State(12*time.Second, lan); remains != answers || (len(changed) == 0) != answers {
			t.Errorf("%s: the group remains: %t, changed %v", name, remains, changed)
		}
	}
}

// A membership ends after 260 seconds without a report.
func TestTimeout(t *testing.T) {
	table := enter(t, "EX(a,b)")
	next, ok := table.Next()
	if want := time.Second + Interval; !ok || next != want {
		t.Errorf("next at %s, want %s", next, want)
	}
	if _, changed := table.Advance(next - 1); len(changed) != 0 {
		t.Errorf("changed early: %v", changed)
	}
	if _, changed := table.Advance(next); len(changed) != 1 || len(table.Keys()) != 0 || table.sources != 0 {
		t.Errorf("changed %v, %d groups and %d sources are left", changed, len(table.Keys()), table.sources)
	}
}

// Whatever is reported, the bounds hold, the count of sources is right, and everything ends in time.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := New(Limits{Groups: 3, Sources: 8})
		now := time.Second
		for range rapid.IntRange(1, 60).Draw(t, "reports") {
			r := message.Record{
				Type:  message.RecordType(rapid.IntRange(1, 6).Draw(t, "type")),
				Group: netip.AddrFrom4([4]byte{239, 0, 0, byte(rapid.IntRange(1, 5).Draw(t, "group"))}),
			}
			for range rapid.IntRange(0, 4).Draw(t, "sources") {
				r.Sources = append(r.Sources, source(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "source")))
			}
			table.Report(now, rapid.SampledFrom([]string{"lan", "dmz"}).Draw(t, "interface"), r, rapid.Bool().Draw(t, "old"))
			now += time.Duration(rapid.IntRange(0, 3000).Draw(t, "pause")) * time.Millisecond
			if rapid.Bool().Draw(t, "advance") {
				table.Advance(now)
			}
			count := 0
			for _, g := range table.groups {
				count += len(g.sources)
			}
			if len(table.groups) > 3 || count > 8 || count != table.sources {
				t.Fatalf("%d groups, %d sources of which %d are counted", len(table.groups), count, table.sources)
			}
		}
		table.Advance(now + Interval)
		table.Advance(now + Interval + lastMemberTime)
		if len(table.groups) != 0 || table.sources != 0 {
			t.Fatalf("%d groups, %d sources are left", len(table.groups), table.sources)
		}
	})
}

// What is reported upstream is what all interfaces together receive.
func TestMerged(t *testing.T) {
	for want, states := range map[string][2]string{
		"IN(abc)": {"IN(ab)", "IN(bc)"},
		"EX(c)":   {"EX(a,bc)", "EX(,cd)"},
		"EX(b)":   {"EX(,ab)", "IN(a)"},
		"EX()":    {"EX(,ab)", "EX(,)"},
	} {
		table := enter(t, states[0])
		other := enter(t, states[1])
		s, life, _ := other.State(2*time.Second, lan)
		table.Restore(2*time.Second, Key{"dmz", group1}, s, life)
		exclude, sources := table.Merged(2*time.Second, group1)
		got := map[bool]string{true: "EX(", false: "IN("}[exclude] + lettersOf(sources) + ")"
		if got != want {
			t.Errorf("%v became %s, want %s", states, got, want)
		}
	}
}

// A full table still takes reports and entries of what it has, since they would end otherwise.
func TestFullTableProlongs(t *testing.T) {
	table := New(Limits{Groups: 1, Sources: 2})
	report := func(now time.Duration, group, sources string) {
		table.Report(now, "lan", message.Record{
			Type: message.IsInclude, Group: netip.MustParseAddr(group), Sources: sourcesOf(sources),
		}, false)
	}
	report(time.Second, group1.String(), "ab")
	report(time.Minute, group1.String(), "ab")
	if table.Refused != 0 {
		t.Errorf("%d reports of what is known were refused", table.Refused)
	}
	if _, life, _ := table.State(time.Minute, lan); life != Interval {
		t.Errorf("the group lasts %s, want %s", life, Interval)
	}
	if s, _, _ := table.State(time.Minute, lan); !table.Restore(time.Minute, lan, s, Interval) {
		t.Error("an entry of what is known was refused")
	}
	report(time.Minute, group1.String(), "abc")
	report(time.Minute, "239.9.9.9", "a")
	if groups, sources := table.Len(); groups != 1 || sources != 2 || table.Refused != 2 {
		t.Errorf("%d groups, %d sources, %d refused; want 1, 2 and 2", groups, sources, table.Refused)
	}
}
