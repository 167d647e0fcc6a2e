package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class"
)

// auditInterval is that of the engines under test.
const auditInterval = 10 * time.Minute

// counted runs a script on a pair in sync, with a function that reads a metric of the primary.
func counted(t *testing.T, script func(t *testing.T, b *bed, count func(string) float64)) {
	t.Helper()
	registry := prometheus.NewRegistry()
	metered := func(c *Config) {
		if c.Unit == "primary" {
			c.Metrics = NewMetrics(registry)
			c.Classes[0].Source = slow{c.Classes[0].Source}
		}
	}
	paired(t, metered, func(t *testing.T, b *bed) {
		script(t, b, func(name string) float64 { return sums(t, registry)["hapair_replication_"+name] })
	})
}

// slow is a source that is surveyed a second after it was asked, and takes another one: the standby has looked long
// before.
type slow struct{ class.Source }

func (s slow) Digest(ctx context.Context, visit func(string, []byte) error) error {
	time.Sleep(time.Second)
	return s.Source.Digest(ctx, func(key string, fields []byte) error {
		time.Sleep(time.Millisecond)
		return visit(key, fields)
	})
}

func TestAuditRepairsUnnoticedLosses(t *testing.T) {
	for name, damage := range map[string]func(*bed){
		"an entry lost":     func(b *bed) { b.secondary.memory.Remove("before-7") },
		"an entry too many": func(b *bed) { b.secondary.memory.Put("stray", "of no unit") },
		"an entry that differs": func(b *bed) {
			b.secondary.memory.Put("before-7", "different")
		},
		"all entries lost": func(b *bed) {
			for key := range b.secondary.memory.Entries() {
				b.secondary.memory.Remove(key)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			counted(t, func(t *testing.T, b *bed, count func(string) float64) {
				time.Sleep(auditInterval + 20*time.Second)
				synctest.Wait()
				if count("audits_total") != 1 || count("audit_divergence") != 0 || count("resyncs_total") != 0 {
					t.Errorf("%v audits of equal tables, %v parts differ, %v resyncs",
						count("audits_total"), count("audit_divergence"), count("resyncs_total"))
				}
				if adopted := b.secondary.memory.Adopted(); adopted != 1 {
					t.Errorf("the standby adopted %d times, want once, before it was first compared", adopted)
				}
				damage(b)
				time.Sleep(auditInterval + 20*time.Second)
				eventually(t, "the standby is repaired", func() bool { return equal(b.primary, b.secondary) })
				b.inSync()
				if count("audits_total") != 2 || count("audit_divergence") == 0 || count("resyncs_total") != 1 {
					t.Errorf("%v audits, %v parts differed, %v resyncs",
						count("audits_total"), count("audit_divergence"), count("resyncs_total"))
				}
				time.Sleep(auditInterval)
				synctest.Wait()
				if count("audit_divergence") != 0 {
					t.Errorf("%v parts differ after the repair", count("audit_divergence"))
				}
			})
		})
	}
}

func TestChangesDuringAnAuditAreNoDivergence(t *testing.T) {
	counted(t, func(t *testing.T, b *bed, count func(string) float64) {
		end := time.Now().Add(3*auditInterval + time.Minute)
		for i := 0; time.Now().Before(end); i++ {
			time.Sleep(37 * time.Millisecond)
			for k := range 20 {
				b.primary.memory.Put(fmt.Sprint("before-", (i+k)%1000), fmt.Sprint(i))
				b.primary.memory.Remove(fmt.Sprint("before-", (i+k+500)%1000))
			}
		}
		if audits := count("audits_total"); audits < 3 {
			t.Errorf("%v audits in 3 intervals", audits)
		}
		if resyncs := count("resyncs_total"); resyncs != 0 {
			t.Errorf("%v audits found a difference", resyncs)
		}
		if err := b.primary.Flush(deadline(t)); err != nil || !equal(b.primary, b.secondary) {
			t.Errorf("the units differ, %v", err)
		}
	})
}

func TestReconnectSendsOnlyWhatChanged(t *testing.T) {
	counted(t, func(t *testing.T, b *bed, count func(string) float64) {
		before := count("sent_total")
		b.network.cut()
		eventually(t, "both notice", func() bool { return !b.primary.Status().Connected && !b.secondary.Status().Connected })
		fill(b.primary.memory, "meanwhile", 10)
		b.primary.memory.Remove("before-3")
		b.network.repair()
		b.inSync()
		b.wantEqual(t, "the units differ")
		// Ten entries, and those of a thousand that share a bucket with one of eleven.
		if sent := count("sent_total") - before; sent < 10 || sent > 30 {
			t.Errorf("%v records were sent", sent)
		}
	})
}

// blind is a sink that cannot be surveyed.
type blind struct{ class.Sink }

func (blind) Digest(context.Context, func(string, []byte) error) error {
	return errors.New("the table cannot be read")
}

func TestStandbyWithoutDigestsReceivesEverything(t *testing.T) {
	registry := prometheus.NewRegistry()
	change := func(c *Config) {
		if c.Unit == "secondary" {
			c.Classes[0].Sink = blind{c.Classes[0].Sink}
		} else {
			c.Metrics = NewMetrics(registry)
		}
	}
	paired(t, change, func(t *testing.T, b *bed) {
		b.wantEqual(t, "the units differ")
		time.Sleep(auditInterval + 20*time.Second)
		synctest.Wait()
		got := sums(t, registry)
		audits, resyncs := got["hapair_replication_audits_total"], got["hapair_replication_resyncs_total"]
		if audits != 1 || resyncs != 0 {
			t.Errorf("%v audits, %v resyncs", audits, resyncs)
		}
		b.primary.memory.Overrun()
		b.primary.memory.Remove("before-1")
		time.Sleep(time.Minute)
		b.inSync()
		b.wantEqual(t, "the units differ after an overrun")
	})
}
