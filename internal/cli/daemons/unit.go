package daemons

import (
	"context"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/client"
)

// UnitFlags are the flags of a program that follows the document, the Secret and the role of its unit.
type UnitFlags struct {
	// DocumentFile is the firewall's document, and SecretDirectory has one file for each entry of the Secret.
	DocumentFile, SecretDirectory string

	socket  string
	isAlone bool
}

// AddTo adds the flags.
func (f *UnitFlags) AddTo(flags *pflag.FlagSet, secretDirectory string) {
	flags.StringVar(&f.DocumentFile, "config", contract.FirewallFile, "path of the firewall's document")
	flags.StringVar(&f.SecretDirectory, "secret", secretDirectory, "directory with one file for each entry of the Secret")
	flags.StringVar(&f.socket, "state-socket", contract.ProviderSocket,
		"socket at which the sidecar reports the unit's role")
	flags.BoolVar(&f.isAlone, "alone", false, "the unit is always active; without it, the sidecar of the pod is asked")
}

// Roles returns a function that follows the role of the unit; nil for a unit that is always active.
func (f *UnitFlags) Roles(log logr.Logger) func(ctx context.Context, set func(localapi.Role), lost func()) {
	if f.isAlone {
		return nil
	}
	return client.New(client.Config{Socket: f.socket, Log: log.WithName("role")}).FollowRole
}
