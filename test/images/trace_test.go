package images

import (
	"slices"
	"testing"
)

const trace = `10 openat(AT_FDCWD, "/lib/x/v4/libc.so.6", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
10 openat(AT_FDCWD, "/lib/x/libc.so.6", O_RDONLY|O_CLOEXEC) = 3
10 openat(AT_FDCWD, "/etc/localtime", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
10 access("/etc/ld.so.preload", R_OK)      = -1 ENOENT (No such file or directory)
11 openat(AT_FDCWD, "/lib/x/libgcc_s.so.1", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
11 newfstatat(AT_FDCWD, "/lib/plugins/ha.conf", 0x7ffc, 0) = -1 ENOENT (No such file or directory)
11 unlink("/run/charon.vici") = -1 ENOENT (No such file or directory)
11 openat(AT_FDCWD, "/run/charon.pid", O_RDWR) = -1 EACCES (Permission denied)
`

func TestMissing(t *testing.T) {
	got := Missing(trace, []string{"/usr/lib/plugins/ha.conf", "/usr/lib/x/libc.so.6"})
	if want := []string{"/lib/plugins/ha.conf", "/lib/x/libgcc_s.so.1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
