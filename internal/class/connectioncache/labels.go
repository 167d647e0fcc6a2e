package connectioncache

import (
	"errors"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// labelTable is the table whose only rule makes the kernel keep labels. No packet passes it.
const labelTable = "hapair-labels"

// keepLabels makes the kernel keep the labels of connections. It has room for them in a new entry only while a rule of
// the namespace sets labels. A standby receives connections before its firewall has rules. Without the labels, that
// firewall would end what application gateways announced.
func keepLabels() error {
	kernel := nftables.Open()
	err := kernel.Replace(ruleset.Ruleset{Table: labelTable, Chains: []ruleset.Chain{{
		Name: "labels", Rules: []ruleset.Rule{{ruleset.LabelConnection{Label: contract.LabelAnnounced}}},
	}}})
	return errors.Join(err, kernel.Close())
}
