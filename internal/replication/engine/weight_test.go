package engine

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/state"
)

func TestClassesShareTheStreamByWeight(t *testing.T) {
	others := map[string]*classtest.Memory{}
	change := func(c *Config) {
		c.Limits.RecordsPerSecond = 10_000
		c.Classes[0].Weight = 3
		others[c.Unit] = classtest.NewMemory(state.Class(200))
		c.Classes = append(c.Classes, others[c.Unit].Class())
	}
	paired(t, change, func(t *testing.T, b *bed) {
		heavy, light := len(b.secondary.memory.Entries()), len(others["secondary"].Entries())
		fill(b.primary.memory, "heavy", 100_000)
		fill(others["primary"], "light", 100_000)
		time.Sleep(8 * time.Second)
		heavy, light = len(b.secondary.memory.Entries())-heavy, len(others["secondary"].Entries())-light
		if ratio := float64(heavy) / float64(light); ratio < 2.5 || ratio > 3.5 {
			t.Errorf("%d records of the class of weight 3, %d of the one of weight 1", heavy, light)
		}
		time.Sleep(time.Minute)
		if n := len(others["secondary"].Entries()); n != 100_000 || !equal(b.primary, b.secondary) {
			t.Errorf("%d of 100000 arrived in the end", n)
		}
	})
}
