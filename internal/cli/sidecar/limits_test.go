package sidecar

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"

	"github.com/hapair-io/hapair/internal/replication/engine"
)

// settingsWith returns valid settings, with more about what is replicated.
func settingsWith(sync string) string {
	return `{"pair":"edge","namespace":"shop","leaseDurationSeconds":15,"heartbeatIntervalMilliseconds":100,` +
		`"missedHeartbeats":3,"grantMilliseconds":450,"isolation":"Fence","healthDampingSeconds":5,` +
		`"networks":[{"interface":"lan0","virtualAddresses":["192.168.50.1/24"]}],"sync":{"classes":[]` + sync + `}}`
}

func TestLimitsFollowTheSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "sidecar.json")
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * limitsInterval)
			synctest.Wait()
		}
		var set []engine.Limits
		var errors int
		log := funcr.New(func(_, args string) { errors += strings.Count(args, "Reading changed settings") }, funcr.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var following sync.WaitGroup
		following.Go(func() {
			limits{file: file, log: log}.follow(ctx, func(l engine.Limits) error {
				set = append(set, l)
				return nil
			})
		})
		write(settingsWith(""))
		write(settingsWith(`,"recordsPerSecond":500,"kilobitsPerSecond":8000`))
		write("{")
		write(settingsWith(`,"kilobitsPerSecond":64`))
		cancel()
		following.Wait()
		want := []engine.Limits{{RecordsPerSecond: 500, BytesPerSecond: 1_000_000}, {BytesPerSecond: 8000}}
		if len(set) != 2 || set[0] != want[0] || set[1] != want[1] {
			t.Errorf("set %+v, want %+v", set, want)
		}
		if errors != 1 {
			t.Errorf("settings that cannot be read were logged %d times", errors)
		}
	})
}
