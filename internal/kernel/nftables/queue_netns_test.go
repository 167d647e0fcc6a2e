//go:build netns

package nftables_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

// The kernel tells which form of a queue it has, and an altered rule with a queue is found in either form.
func TestQueuesAreSetAndVerified(t *testing.T) {
	r := compile(t, "../../firewall/plan/testdata/gateways.yaml")
	inNamespace(t, "queues", func() {
		kernel := nftables.Open()
		defer func() { _ = kernel.Close() }()
		for _, command := range []string{
			"flush chain inet hapair gateways",
			"flush chain inet hapair gateways.alive",
			"replace rule inet hapair gateway.RTSP handle LAST meta nfproto ipv6 drop",
			"delete rule inet hapair gateway.RTSP handle LAST",
			"insert rule inet hapair gateway.RTSP ct label 125 return",
		} {
			if err := kernel.Replace(r); err != nil {
				t.Fatal(err)
			}
			if err := kernel.Verify(r); err != nil {
				t.Fatalf("before %s: %v", command, err)
			}
			if tables := run(t, "nft", "list", "tables"); strings.TrimSpace(tables) != "table inet hapair" {
				t.Errorf("the trial left tables behind:\n%s", tables)
			}
			all := handles(t, "gateway.RTSP")
			run(t, "nft", strings.ReplaceAll(command, "LAST", all[len(all)-1]))
			if err := kernel.Verify(r); !errors.Is(err, nftables.ErrAltered) {
				t.Errorf("%s: %v", command, err)
			}
		}
	})
}
