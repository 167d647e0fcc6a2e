package classtest_test

import (
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryMeetsContract(t *testing.T) {
	classtest.Run(t, func(*testing.T) classtest.Pair {
		active, standby := classtest.NewMemory(state.ConnectionCache), classtest.NewMemory(state.ConnectionCache)
		return classtest.Pair{
			Active: active.Class(), Standby: standby.Class(),
			Put:     func(i int) { active.Put(strconv.Itoa(i), "+x") },
			Remove:  func(i int) { active.Remove(strconv.Itoa(i)) },
			Overrun: active.Overrun,
		}
	})
}
