//go:build netns

package nftables_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/test/testbed"
)

// numberedElement returns the change that adds an element, or that removes it.
func numberedElement(i int, life time.Duration, isDeletion bool) nftables.ElementChange {
	return nftables.ElementChange{Set: "dynamic.a.ipv4", IsDeletion: isDeletion, Element: nftables.Element{
		Key: []byte{10, byte(i >> 16), byte(i >> 8), byte(i)}, Timeout: life, Remaining: life,
	}}
}

// A listing has every element that was there all the time, while others come, go and end, and while the kernel resizes
// the hash table for them. A listing that the kernel is asked for once leaves elements out.
func TestListingsLackNothing(t *testing.T) {
	const lasting, passing, listings = 1500, 200, 8
	namespace := testbed.NewNamespace(t, "listing")
	open := func() nftables.Kernel {
		return testbed.Open(t, namespace, func() (nftables.Kernel, error) {
			kernel := nftables.Open()
			_, err := kernel.Generation()
			return kernel, err
		})
	}
	kernel, other := open(), open()
	must(kernel.Replace(dynamicRuleset("one")))
	write := func(kernel nftables.Kernel, first, n int, life time.Duration, isDeletion bool) {
		changes := make([]nftables.ElementChange, 0, n)
		for i := range n {
			changes = append(changes, numberedElement(first+i, life, isDeletion))
		}
		_, err := kernel.WriteElements("hapair", changes)
		must(err)
	}
	write(kernel, 0, lasting, time.Hour, false)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() {
		for first := lasting; ctx.Err() == nil; first += passing {
			write(other, first, passing, time.Second, false)
			write(other, first, passing/2, 0, true) // The others end by themselves.
		}
	})
	defer busy.Wait()
	defer stop()
	set, _, err := kernel.Set("hapair", "dynamic.a.ipv4")
	must(err)
	incomplete := 0
	for range listings {
		present := map[string]bool{}
		must(kernel.Elements("hapair", set, func(e nftables.Element) error {
			present[string(e.Key)] = true
			return nil
		}))
		once, err := kernel.ElementsOnce("hapair", set)
		must(err)
		missing, missingOnce := 0, 0
		for i := range lasting {
			key := numberedElement(i, 0, false).Element.Key
			if !present[string(key)] {
				missing++
			}
			if _, isListed := once[string(key)]; !isListed {
				missingOnce = 1
			}
		}
		if missing > 0 {
			t.Errorf("a listing lacks %d of %d elements", missing, lasting)
		}
		incomplete += missingOnce
	}
	t.Logf("of %d listings that the kernel was asked for once, %d lack elements", listings, incomplete)
}
