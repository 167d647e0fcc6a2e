package vpn

import (
	"context"
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// endRemoved ends the tunnels of users who were removed from the document.
func (k *Keeper) endRemoved(ctx context.Context) error {
	users := userSet(k.wanted().RemoteAccess.Users)
	for _, sa := range k.present {
		if sa.name != document.RemoteAccessName || sa.state != established || users[strings.ToLower(sa.user)] {
			continue
		}
		k.config.Log.Info("Disconnecting user", "user", sa.user)
		if err := k.session.endOne(ctx, sa.id); err != nil {
			return err
		}
	}
	return nil
}

// userSet returns the names of users in lower case, since charon compares them without regard to case.
func userSet(users []document.RemoteUser) map[string]bool {
	names := make(map[string]bool, len(users))
	for _, u := range users {
		names[strings.ToLower(string(u.Name))] = true
	}
	return names
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
