package connectioncache

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
)

func TestRefusalOfKernelErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want class.Refusal
	}{
		{unix.ENOMEM, class.Full}, {errPart, class.Incomplete}, {unix.EOPNOTSUPP, class.Rejected},
	} {
		if got := (&item{err: c.err}).refusal(); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
}
