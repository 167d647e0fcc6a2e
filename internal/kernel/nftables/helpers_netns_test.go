//go:build netns

package nftables_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// A helper that is removed, replaced or added is an alteration as that of a rule is.
func TestVerifyFindsAlteredHelpers(t *testing.T) {
	r := compile(t, "../../firewall/plan/testdata/helpers.yaml")
	inNamespace(t, "helpers", func() {
		kernel := nftables.Kernel{}
		for _, command := range []string{
			"flush chain inet hapair helpers; flush chain inet hapair policy.calls; delete ct helper inet hapair sip.udp",
			"flush chain inet hapair helpers; delete ct helper inet hapair h323.udp; " +
				"add ct helper inet hapair h323.udp { type \"tftp\" protocol udp; }",
			"add ct helper inet hapair mine { type \"tftp\" protocol udp; }",
			"add counter inet hapair mine",
			"flush chain inet hapair related",
			"replace rule inet hapair policy.ftp-in handle FIRST tcp dport 21 ct helper set \"h323.tcp\"",
		} {
			if err := kernel.Replace(r); err != nil {
				t.Fatal(err)
			}
			if err := kernel.Verify(r); err != nil {
				t.Fatalf("before %s: %v", command, err)
			}
			run(t, "nft", strings.ReplaceAll(command, "FIRST", handles(t, "policy.ftp-in")[0]))
			if err := kernel.Verify(r); !errors.Is(err, nftables.ErrAltered) {
				t.Errorf("%s: %v", command, err)
			}
		}
	})
}

// The kernel is asked for helpers without leaving anything behind, and the rest of a ruleset works without them.
func TestMissingHelpersAreFoundAndLeftOut(t *testing.T) {
	r := compile(t, "../../firewall/plan/testdata/helpers.yaml")
	absent := ruleset.Helper{Name: "absent.tcp", Type: "absent", Protocol: ruleset.TCP}
	wrong := ruleset.Helper{Name: "ftp.udp", Type: "ftp", Protocol: ruleset.UDP}
	inNamespace(t, "missing", func() {
		kernel := nftables.Kernel{}
		if names, err := kernel.Helpers(r.Table); err != nil || len(names) > 0 {
			t.Errorf("without a table: %v, %v", names, err)
		}
		whole := r
		whole.Helpers = slices.Concat([]ruleset.Helper{absent}, r.Helpers, []ruleset.Helper{wrong})
		if err := kernel.Replace(whole); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the kernel's answer is %v", err)
		}
		missing, err := kernel.MissingHelpers(whole.Helpers)
		if err != nil || !slices.Equal(missing, []ruleset.Helper{absent, wrong}) {
			t.Errorf("missing %v, %v", missing, err)
		}
		if tables := run(t, "nft", "list", "ruleset"); tables != "" {
			t.Errorf("left behind: %s", tables)
		}
		reduced := r.WithHelpers([]string{"ftp.tcp"})
		if err := kernel.Replace(reduced); err != nil {
			t.Fatal(err)
		}
		if err := kernel.Verify(reduced); err != nil {
			t.Error(err)
		}
		if err := kernel.Verify(r); !errors.Is(err, nftables.ErrAltered) {
			t.Errorf("the whole ruleset is verified: %v", err)
		}
		if names, err := kernel.Helpers(r.Table); err != nil || !slices.Equal(names, []string{"ftp.tcp"}) {
			t.Errorf("the table has %v, %v", names, err)
		}
	})
}
