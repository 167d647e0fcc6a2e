package vpn

import "time"

// lingerTimeout is longer than a sidecar takes to hand over its role, and shorter than a pod may take to end.
const lingerTimeout = 22 * time.Second

// Linger returns when the unit is no longer active, or after a while. A charon that ends while it is active tells the
// peers that their tunnels have ended, although the other unit takes them over.
func (k *Keeper) Linger() {
	if k.config.Roles == nil {
		return
	}
	timer := time.NewTimer(lingerTimeout)
	defer timer.Stop()
	select {
	case <-k.passive():
	case <-timer.C:
	}
}

// passive returns a channel that is closed while charon keeps its SAs passive.
func (k *Keeper) passive() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.isPassive
}

// setPassive records what charon was told.
func (k *Keeper) setPassive(isPassive bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.isPassive:
		if !isPassive {
			k.isPassive = make(chan struct{})
		}
	default:
		if isPassive {
			close(k.isPassive)
		}
	}
}
