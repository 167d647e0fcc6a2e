package vpn

import "github.com/hapair-io/hapair/internal/firewall/document"

// wanted returns the tunnels of the last valid document.
func (k *Keeper) wanted() document.VPN { return k.files.Document().VPN }
