//go:build netns

package ftptrial

import (
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/testbed"
)

// The trial sees a kernel that translates, and one that does not because no helper reads the connection. It leaves no
// table behind.
func TestTrial(t *testing.T) {
	unit := testbed.NewNamespace(t, "unit")
	unit.Run(t, "ip link set lo up")
	kernel := nftables.Kernel{}
	ftp := []ruleset.Helper{{Name: "ftp", Type: "ftp", Protocol: ruleset.TCP}}
	for _, c := range []struct {
		helpers []ruleset.Helper
		want    bool
	}{{ftp, true}, {nil, false}, {ftp, true}} {
		err := unit.Do(func() error {
			got, err := run(kernel, c.helpers)
			if err == nil && got != c.want {
				t.Errorf("with %d helpers, translated: %t", len(c.helpers), got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if tables := unit.Run(t, "nft list tables"); tables != "" {
		t.Errorf("left behind: %s", tables)
	}
}
