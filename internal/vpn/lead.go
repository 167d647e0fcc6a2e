package vpn

import (
	"context"
	"errors"
	"time"

	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

// tell writes the role to charon, after each report of the sidecar. A new sidecar learns from charon's answer how to
// ask it for its SAs.
func (k *Keeper) tell(ctx context.Context, now standing) error {
	if k.told != nil && *k.told == now {
		return nil
	}
	command := makePassive
	if now.isActive {
		command = makeActive
	}
	if err := tellRole(ctx, command); err != nil {
		return err
	}
	wasActive := k.told != nil && k.told.isActive
	// Without a sidecar, the SAs of a standby become old unnoticed.
	if k.told != nil && k.told.losses != now.losses {
		k.mustRequest = true
	}
	k.told = &now
	k.setPassive(!now.isActive)
	switch {
	case now.isActive && !wasActive:
		k.takeover = &takeover{kernel: k.kernel, began: time.Now(), toldAt: time.Now()}
		k.spread = nil
	case !now.isActive:
		k.takeover, k.spread = nil, nil
	}
	return nil
}

// lead sets up the tunnels that are down, after those of the other unit were taken over.
func (k *Keeper) lead(ctx context.Context, wanted tunnels.Config) error {
	if k.takeover != nil {
		if err := k.plan(wanted); err != nil {
			return err
		}
		isDone, err := k.takeover.step(ctx, k.session, k.present, k.spread.ofTakeover(wanted.Connections))
		if err != nil {
			return err
		}
		if isDone {
			k.takeover = nil
			if err := k.list(ctx); err != nil { // Those that it has ended are set up at once.
				return err
			}
		}
	}
	if err := errors.Join(k.request(ctx), k.endRemoved(ctx)); err != nil {
		return err
	}
	if err := k.rekeyDue(ctx); err != nil {
		return err
	}
	for _, c := range wanted.Connections {
		if _, isLoaded := k.loaded[c.Name]; !isLoaded || !c.Initiates || k.present.isPresent(c.Name) {
			continue
		}
		if err := k.session.initiate(ctx, c.Name); err != nil {
			return err
		}
	}
	return nil
}

// plan plans when tunnels get new keys after a takeover, if the kernel encrypts their packets. It waits until no SA is
// passive. One that charon takes in later would be in no plan, also if it cannot send.
func (k *Keeper) plan(wanted tunnels.Config) error {
	if k.sas == nil || k.spread != nil || k.present.hasState(passive) {
		return nil
	}
	spent, err := spentSPIs(k.sas)
	if err != nil {
		return err
	}
	k.spread = newSpread(k.present, wanted.Connections, spent, time.Now())
	return nil
}

// rekeyDue requests new keys for the tunnels whose time has come. After an error, the next look tries again.
func (k *Keeper) rekeyDue(ctx context.Context) error {
	for _, name := range k.spread.listDue(time.Now()) {
		if k.spread.isOld(name, k.present) {
			if err := k.session.rekey(ctx, name); err != nil {
				return err
			}
		}
		k.spread.forget(name)
	}
	return nil
}

// follow keeps SAs passive. If tunnels are not replicated, it ends them: the peer has a tunnel with the other unit, and
// this unit would use old keys if it became active again.
func (k *Keeper) follow(ctx context.Context) error {
	isReplicated, err := k.relay.exists()
	if err != nil {
		return err
	}
	if !isReplicated && k.role.now().isStandby {
		return k.endAll(ctx)
	}
	if k.present.hasState(established) { // It was set up while the role changed.
		if err := tellRole(ctx, makeActive, makePassive); err != nil {
			return err
		}
	}
	return k.request(ctx)
}

// endAll ends all SAs, and tells nobody.
func (k *Keeper) endAll(ctx context.Context) error {
	for _, sa := range k.present {
		if err := k.session.end(ctx, sa.name); err != nil {
			return err
		}
	}
	return nil
}

// request requests what charon may lack. A standby first ends what it has, since that may be old.
func (k *Keeper) request(ctx context.Context) error {
	now := k.role.now()
	if !k.mustRequest || !now.isActive && !now.isStandby {
		return nil
	}
	if isReplicated, err := k.relay.exists(); err != nil || !isReplicated {
		return err
	}
	if now.isStandby {
		if err := k.endAll(ctx); err != nil {
			return err
		}
	}
	k.mustRequest = false
	return k.relay.requestAll()
}
