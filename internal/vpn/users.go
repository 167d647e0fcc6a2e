package vpn

import (
	"context"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// endRemoved ends the tunnels of users who were removed from the document.
func (k *Keeper) endRemoved(ctx context.Context) error {
	for _, sa := range k.present {
		if sa.name != document.RemoteAccessName || sa.state != established || k.isUser(sa.user) {
			continue
		}
		k.config.Log.Info("Disconnecting user", "user", sa.user)
		if err := k.session.endOne(ctx, sa.id); err != nil {
			return err
		}
	}
	return nil
}

// isUser reports whether the document has a user. Charon compares names without regard to case.
func (k *Keeper) isUser(name string) bool {
	return slices.ContainsFunc(k.wanted().RemoteAccess.Users, func(u document.RemoteUser) bool {
		return strings.EqualFold(string(u.Name), name)
	})
}

// countUsers returns how many devices of users have a tunnel. On a standby, all of them are passive.
func (all sas) countUsers() (n int) {
	for _, sa := range all {
		if sa.name == document.RemoteAccessName && sa.isUp() {
			n++
		}
	}
	return n
}

// isUp reports whether an SA carries packets, or would if the unit were active.
func (sa sa) isUp() bool {
	return (sa.state == established || sa.state == passive) && len(sa.children) > 0
}
