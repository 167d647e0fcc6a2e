package engine

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/class/configuration"
)

// documents adds the class of documents to both units of a bed.
func documents(all map[string]*configuration.Configuration) func(*Config) {
	return func(c *Config) {
		all[c.Unit] = configuration.New()
		c.Classes = append(c.Classes, all[c.Unit].Class())
	}
}

// largeDocument has as many parts as a document of that many kilobytes.
func largeDocument(name string, kilobytes int) []byte {
	return []byte(strings.Repeat(name+"\n", kilobytes<<10/(len(name)+1)))
}

// has tells whether a unit has a document whole.
func has(c *configuration.Configuration, want []byte) bool {
	got, whole := c.Document()
	return whole && bytes.Equal(got, want)
}

func (b *bed) received(c *configuration.Configuration, want []byte) {
	b.t.Helper()
	eventually(b.t, "the standby has the document", func() bool { return has(c, want) })
}

// The document goes beside the connections, is whole at a flush, and goes the other way after a switchover.
func TestDocumentFollowsTheActive(t *testing.T) {
	all := map[string]*configuration.Configuration{}
	paired(t, documents(all), func(t *testing.T, b *bed) {
		primary, secondary := all["primary"], all["secondary"]
		first, second, third := largeDocument("first", 1000), largeDocument("second", 40), largeDocument("third", 300)
		primary.Publish(first)
		fill(b.primary.memory, "more", 5000)
		if err := b.primary.Flush(deadline(t)); err != nil {
			t.Fatal(err)
		}
		if !has(secondary, first) || !equal(b.primary, b.secondary) {
			t.Error("a flush left something behind")
		}
		primary.Publish(second)
		b.received(secondary, second)

		if err := b.primary.Relinquish(deadline(t), 2, 0); err != nil {
			t.Fatal(err)
		}
		b.primary.Become(RoleStandby, 2)
		secondary.Publish(second)
		b.secondary.Become(RoleActive, 2)
		secondary.Publish(third)
		b.received(primary, third)
		b.inSync()
	})
}

// A standby that was cut off keeps its document, and has the newest when it is back.
func TestDocumentAfterAnOutage(t *testing.T) {
	all := map[string]*configuration.Configuration{}
	paired(t, documents(all), func(t *testing.T, b *bed) {
		first, second := largeDocument("first", 100), largeDocument("second", 70)
		all["primary"].Publish(first)
		b.received(all["secondary"], first)
		b.network.cut()
		synctest.Wait()
		all["primary"].Publish(second)
		time.Sleep(10 * time.Second)
		if !has(all["secondary"], first) {
			t.Error("it lost its document with the connection")
		}
		b.network.mend()
		b.received(all["secondary"], second)
		b.inSync()
	})
}

// A peer of a release that does not know the class is sent the connections alone.
func TestPeerWithoutDocuments(t *testing.T) {
	all := map[string]*configuration.Configuration{}
	change := func(c *Config) {
		if c.Unit == "primary" {
			documents(all)(c)
		}
	}
	paired(t, change, func(t *testing.T, b *bed) {
		all["primary"].Publish(largeDocument("first", 100))
		b.primary.memory.Put("another", "record")
		eventually(t, "the connections come", func() bool { return equal(b.primary, b.secondary) })
		b.inSync()
	})
}
