package engine

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/class/configuration"
)

// documents returns a change of Config that adds the class of documents, and stores it by unit.
func documents(all map[string]*configuration.Configuration) func(*Config) {
	return func(c *Config) {
		all[c.Unit] = configuration.New()
		c.Classes = append(c.Classes, all[c.Unit].Class())
	}
}

// largeDocument returns a document of a number of kilobytes.
func largeDocument(name string, kilobytes int) []byte {
	return []byte(strings.Repeat(name+"\n", kilobytes<<10/(len(name)+1)))
}

// has reports whether a unit has the complete document.
func has(c *configuration.Configuration, want []byte) bool {
	got, whole := c.Document()
	return whole && bytes.Equal(got, want)
}

func (b *bed) publish(c *configuration.Configuration, text []byte) {
	b.t.Helper()
	if err := c.Publish(text); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) received(c *configuration.Configuration, want []byte) {
	b.t.Helper()
	eventually(b.t, "the standby has the document", func() bool { return has(c, want) })
}

// TestDocumentFollowsTheActive checks that a document is replicated along with connections, is complete after a flush,
// and is replicated in the other direction after a switchover.
func TestDocumentFollowsTheActive(t *testing.T) {
	all := map[string]*configuration.Configuration{}
	paired(t, documents(all), func(t *testing.T, b *bed) {
		primary, secondary := all["primary"], all["secondary"]
		first, second, third := largeDocument("first", 1000), largeDocument("second", 40), largeDocument("third", 300)
		b.publish(primary, first)
		fill(b.primary.memory, "more", 5000)
		if err := b.primary.Flush(deadline(t)); err != nil {
			t.Fatal(err)
		}
		if !has(secondary, first) || !equal(b.primary, b.secondary) {
			t.Error("something was not flushed")
		}
		b.publish(primary, second)
		b.received(secondary, second)

		if err := b.primary.Relinquish(deadline(t), 2, 0); err != nil {
			t.Fatal(err)
		}
		b.primary.Become(RoleStandby, 2)
		b.publish(secondary, second)
		b.secondary.Become(RoleActive, 2)
		b.publish(secondary, third)
		b.received(primary, third)
		b.inSync()
	})
}

// TestDocumentAfterAnOutage checks that a standby keeps its document without a session, and gets the newest later.
func TestDocumentAfterAnOutage(t *testing.T) {
	all := map[string]*configuration.Configuration{}
	paired(t, documents(all), func(t *testing.T, b *bed) {
		first, second := largeDocument("first", 100), largeDocument("second", 70)
		b.publish(all["primary"], first)
		b.received(all["secondary"], first)
		b.network.cut()
		synctest.Wait()
		b.publish(all["primary"], second)
		time.Sleep(10 * time.Second)
		if !has(all["secondary"], first) {
			t.Error("the standby lost its document with the session")
		}
		b.network.repair()
		b.received(all["secondary"], second)
		b.inSync()
	})
}

// TestPeerWithoutDocuments checks that a peer of a release without the class receives only connections.
func TestPeerWithoutDocuments(t *testing.T) {
	all := map[string]*configuration.Configuration{}
	change := func(c *Config) {
		if c.Unit == "primary" {
			documents(all)(c)
		}
	}
	paired(t, change, func(t *testing.T, b *bed) {
		b.publish(all["primary"], largeDocument("first", 100))
		b.primary.memory.Put("another", "record")
		eventually(t, "the connections come", func() bool { return equal(b.primary, b.secondary) })
		b.inSync()
	})
}
