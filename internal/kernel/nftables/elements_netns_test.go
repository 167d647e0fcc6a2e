//go:build netns

package nftables_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/test/testbed"
)

// Elements that nft adds are read, and those that are written appear in nft, with value and times.
func TestElementsEqualThoseOfNFT(t *testing.T) {
	inNamespace(t, "elements", func() {
		kernel := nftables.Open()
		defer func() { _ = kernel.Close() }()
		must(kernel.Replace(dynamicRuleset("one")))
		run(t, "nft", someElements)
		sets, err := kernel.Sets("hapair", []string{"dynamic.", "pinholes."})
		must(err)
		read := map[string]nftables.Element{}
		var changes []nftables.ElementChange
		for _, s := range sets {
			must(kernel.Elements("hapair", s, func(e nftables.Element) error {
				e.Key, e.Value = append([]byte(nil), e.Key...), append([]byte(nil), e.Value...)
				read[fmt.Sprintf("%s %x", s.Name, e.Key)] = e
				changes = append(changes, nftables.ElementChange{Set: s.Name, Element: e})
				return nil
			}))
		}
		if e := read["dynamic.b.ipv6 20010db8000000000000000000000001"]; e.Timeout != time.Minute ||
			e.Remaining > 40*time.Second || e.Remaining < 30*time.Second {
			t.Errorf("an element of 60 s with 40 s left is read as %+v", e)
		}
		if e := read["pinholes.g.ipv4 c000020100630000"]; fmt.Sprintf("%x", e.Value) != "c0000202004d0000" {
			t.Errorf("the map's element is %+v among %v", e, read)
		}
		if e, ok := read["dynamic.a.ipv4 c0000209"]; !ok || e.Timeout != 0 || e.Remaining != 0 {
			t.Errorf("the permanent element is %+v", e)
		}
		before := elementsOf(t)
		run(t, "nft", "flush ruleset")
		must(kernel.Replace(dynamicRuleset("one")))
		for range 2 { // The second time, all of them exist.
			refused, err := kernel.WriteElements("hapair", changes)
			must(errors.Join(append(refused, err)...))
			if after := elementsOf(t); after != before {
				t.Errorf("written are %s, want %s", after, before)
			}
		}
		listing := run(t, "nft", "list", "set", "inet", "hapair", "dynamic.b.ipv6")
		if !strings.Contains(listing, "timeout 1m expires 3") && !strings.Contains(listing, "timeout 1m expires 40s") {
			t.Errorf("the times are others: %s", listing)
		}
	})
}

// Each change has its own result, whatever becomes of the others.
func TestRefusedElementsDoNotStopOthers(t *testing.T) {
	key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	add := func(set string, i int, life time.Duration) nftables.ElementChange {
		return nftables.ElementChange{Set: set, Element: nftables.Element{Key: key(i), Timeout: life, Remaining: life}}
	}
	remove := func(set string, i int) nftables.ElementChange {
		return nftables.ElementChange{Set: set, Element: nftables.Element{Key: key(i)}, IsDeletion: true}
	}
	value := func(i, v int) nftables.ElementChange {
		return nftables.ElementChange{Set: "m", Element: nftables.Element{Key: key(i), Value: key(v)}}
	}
	inNamespace(t, "refused", func() {
		run(t, "nft", "table inet hapair { set s { type ipv4_addr; size 3; flags timeout; }; "+
			"map m { type ipv4_addr : ipv4_addr; size 3; }; }")
		kernel := nftables.Open()
		defer func() { _ = kernel.Close() }()
		refused, err := kernel.WriteElements("hapair", []nftables.ElementChange{
			remove("s", 1), add("s", 1, time.Minute), add("none", 1, 0), add("s", 2, 0), remove("s", 2), remove("s", 2),
			add("s", 2, time.Hour), add("s", 1, time.Hour), add("s", 3, 0), add("s", 4, 0), remove("none", 1),
			{Set: "s", Element: nftables.Element{Key: []byte{1}}},
			value(1, 5), value(1, 6), value(2, 7), value(2, 7),
		})
		must(err)
		for i, why := range refused {
			want := map[int]error{2: unix.ENOENT, 9: unix.ENFILE, 11: unix.EINVAL}[i]
			if !errors.Is(why, want) {
				t.Errorf("change %d ended with %v, want %v", i, why, want)
			}
		}
		listing := run(t, "nft", "list", "ruleset")
		for _, want := range []string{
			"0.0.0.1 timeout 1h", "0.0.0.2 timeout 1h", "0.0.0.3", "0.0.0.1 : 0.0.0.6", "0.0.0.2 : 0.0.0.7",
		} {
			if !strings.Contains(listing, want) {
				t.Errorf("no %s in\n%s", want, listing)
			}
		}
	})
}

// A listener returns what programs do with sets of the table, in order.
func TestListenerReturnsChangesOfSets(t *testing.T) {
	inNamespace(t, "listen", func() {
		l, err := nftables.Listen("hapair")
		must(err)
		defer func() { _ = l.Close() }()
		const transactions = 7 // Each run of nft is one.
		run(t, "nft", "table inet other { set s { type ipv4_addr; elements = { 192.0.2.9 }; }; }")
		run(t, "nft", "table inet hapair { set s { type ipv4_addr; flags timeout; elements = { 192.0.2.1 timeout 60s }; }; }")
		run(t, "nft", "add element inet hapair s { 192.0.2.2 }")
		run(t, "nft", "delete element inet hapair s { 192.0.2.2 }")
		run(t, "nft", "flush set inet hapair s")
		run(t, "nft", "delete set inet hapair s")
		run(t, "nft", "delete table inet hapair")
		var got []string
		var commits int
		for isDrained := false; !isDrained; {
			var events []nftables.SetEvent
			events, isDrained, err = l.Receive(t.Context(), time.Now().Add(100*time.Millisecond))
			must(err)
			for _, e := range events {
				if e.Kind == nftables.Committed {
					commits++
					continue
				}
				got = append(got, fmt.Sprintf("%d %s %x %v", e.Kind, e.Set, e.Element.Key, e.Element.Timeout))
			}
		}
		want := []string{
			"3 s  0s", "1 s c0000201 1m0s", "1 s c0000202 0s", "2 s c0000202 0s", "2 s c0000201 1m0s", "4 s  0s", "5   0s",
		}
		if strings.Join(got, "; ") != strings.Join(want, "; ") {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if commits != transactions {
			t.Errorf("%d transactions ended, want %d", commits, transactions)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, _, err := l.Receive(ctx, time.Time{}); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting ended with %v", err)
		}
		l.Wake()
		if _, isDrained, err := l.Receive(t.Context(), time.Time{}); err != nil || !isDrained {
			t.Errorf("a wake-up ended with %v, %v", isDrained, err)
		}
	})
}

// BenchmarkElements shows what reading and writing 10,000 elements costs.
func BenchmarkElements(b *testing.B) {
	const count = 10000
	var changes []nftables.ElementChange
	for i := range count {
		changes = append(changes, nftables.ElementChange{Set: "dynamic.a.ipv4", Element: nftables.Element{
			Key: binary.BigEndian.AppendUint32(nil, uint32(i)), Timeout: time.Hour, Remaining: time.Hour,
		}})
	}
	err := testbed.NewNamespace(b, "bench").Do(func() error {
		kernel := nftables.Open()
		defer func() { _ = kernel.Close() }()
		must(kernel.Replace(dynamicRuleset("one")))
		b.Run("write", func(b *testing.B) {
			for b.Loop() {
				_, err := kernel.WriteElements("hapair", changes)
				must(err)
			}
		})
		b.Run("read", func(b *testing.B) {
			for b.Loop() {
				must(kernel.Elements("hapair", nftables.Set{Name: "dynamic.a.ipv4"}, func(nftables.Element) error { return nil }))
			}
		})
		return nil
	})
	must(err)
}
