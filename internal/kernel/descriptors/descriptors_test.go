package descriptors_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/descriptors"
)

// places returns how many file descriptors this process has room for, and how many it has.
func places(t *testing.T) (room string, used int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), "\nFDSize:")
	if !found {
		t.Fatal("/proc/self/status has no FDSize")
	}
	room, _, _ = strings.Cut(rest, "\n")
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(room), len(files)
}

func TestReservedRoomStays(t *testing.T) {
	_, before := places(t)
	for range 2 {
		if err := descriptors.Reserve(2048); err != nil {
			t.Fatal(err)
		}
		if room, used := places(t); room != "2048" || used != before {
			t.Errorf("there is room for %s descriptors, of which %d are used; want 2048 and %d", room, used, before)
		}
	}
}

func TestMoreThanTheLimitIsRefused(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	_, before := places(t)
	if err := descriptors.Reserve(int(limit.Cur) + 1); err == nil {
		t.Error("room beyond the limit of the process was reserved")
	}
	if _, used := places(t); used != before {
		t.Errorf("%d descriptors are used after a refusal, want %d", used, before)
	}
}
