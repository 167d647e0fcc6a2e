package vpn

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/class/vpn/udptable"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/mounted"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

const (
	// keepInterval is the time between looks at the files, the role and charon.
	keepInterval = mounted.Interval
	// keepTimeout bounds one look.
	keepTimeout = 5 * time.Second
	// tunnelMTU is the MTU of the interface of tunnels, with room for the headers of ESP and UDP.
	tunnelMTU = 1400
)

// Config is what a keeper needs.
type Config struct {
	ESP ESP
	// DocumentFile is the firewall's document, and SecretDirectory has one file for each entry of the Secret.
	DocumentFile, SecretDirectory string
	// Roles follows the role of the unit. It is nil for a unit that is always active.
	Roles Roles
	Log   logr.Logger
}

// Keeper makes charon have the tunnels of the document on both units. While the unit is active, it sets them up, and
// takes over those of the other unit. Otherwise it keeps the SAs passive. Its methods may be called at once.
type Keeper struct {
	config Config
	kernel *rtnetlink.Conn
	// sas are the kernel's SAs; nil if charon encrypts packets itself.
	sas   *xfrm.Table
	role  *role
	relay relay

	// The other fields up to mu belong to the goroutine of Run.

	session *session
	files   mounted.Files
	// loaded are the hashes of the connections that charon has, and secrets that of its keys; nil for none.
	loaded  map[string][sha256.Size]byte
	secrets *[sha256.Size]byte
	// refused are the keys that charon has refused, each with the reason.
	refused []string
	// told is the standing of the last command to charon about its role; nil if it had none.
	told *standing
	// takeover is under way after the unit became active; nil otherwise.
	takeover *takeover
	// spread has the tunnels that get new keys later; nil if all get them at once.
	spread *spread
	// present are the SAs that charon had when they were listed last.
	present sas
	// mustRequest is set while charon may lack what the other unit has.
	mustRequest bool
	// isRenewed is set while the supervisor replaces charon.
	isRenewed bool
	// mustReload is set until charon has read the settings that were written while it ran.
	mustReload bool

	written written
	// renewals are the reasons to replace charon.
	renewals chan string

	mu sync.Mutex
	// isRestarted is set when charon is started, since it then has no connections.
	isRestarted bool
	detail      string
	fault       string
	// isPassive is closed while charon keeps its SAs passive.
	isPassive chan struct{}
}

// NewKeeper returns a keeper for Run.
func NewKeeper(c Config) (*Keeper, error) {
	kernel, err := rtnetlink.Dial()
	if err != nil {
		return nil, err
	}
	sockets, err := udptable.Open()
	if err != nil {
		return nil, errors.Join(err, kernel.Close())
	}
	var sas *xfrm.Table
	if c.ESP == KernelESP {
		if sas, err = xfrm.OpenTable(); err != nil {
			return nil, errors.Join(err, kernel.Close(), sockets.Close())
		}
	}
	return &Keeper{
		config: c, kernel: kernel, sas: sas, role: newRole(), relay: relay{sockets}, loaded: map[string][sha256.Size]byte{},
		files:     mounted.Files{DocumentFile: c.DocumentFile, SecretDirectory: c.SecretDirectory},
		written:   written{file: settingsFile},
		renewals:  make(chan string, 1),
		isPassive: make(chan struct{}),
	}, nil
}

// restarted records that charon is being started again, and has no connections.
func (k *Keeper) restarted() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.isRestarted = true
}

// takeRestarted reports whether charon was started again since the last call.
func (k *Keeper) takeRestarted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.isRestarted
	k.isRestarted = false
	return was
}

// State returns what charon has, and what is wrong; the latter is empty if nothing is.
func (k *Keeper) State() (detail, fault string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.detail, k.fault
}

// Run keeps the tunnels until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	defer k.close()
	defer k.disconnect()
	var following sync.WaitGroup
	defer following.Wait()
	if k.config.Roles != nil {
		following.Go(func() { k.config.Roles(ctx, k.role.set, k.role.lose) })
	} else {
		k.role.set(localapi.Active)
	}
	for {
		k.look(ctx)
		pause := keepInterval
		if k.takeover != nil {
			pause = takeoverInterval
		}
		if !backoff.SleepUntil(ctx, pause, k.role.changed) {
			return
		}
	}
}

// close closes what NewKeeper has opened.
func (k *Keeper) close() {
	_ = errors.Join(k.kernel.Close(), k.relay.sockets.Close())
	if k.sas != nil {
		_ = k.sas.Close()
	}
}

// look makes charon have what is wanted, and records the result.
func (k *Keeper) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	faults, err := k.keep(ctx)
	if err != nil {
		k.disconnect() // The next look connects again.
		faults = append(faults, err.Error())
	}
	detail := k.describe()
	fault := strings.Join(faults, "; ")
	k.mu.Lock()
	defer k.mu.Unlock()
	if fault != k.fault && fault != "" {
		k.config.Log.Error(errors.New(fault), "Keeping tunnels failed, trying again")
	}
	k.detail, k.fault = detail, fault
}

// describe returns what charon has, for a report.
func (k *Keeper) describe() string {
	count := len(k.loaded)
	_, hasUsers := k.loaded[document.RemoteAccessName]
	if hasUsers {
		count--
	}
	detail := fmt.Sprintf("ESP by %s, %d tunnels, %d up, %d passive", k.config.ESP, count,
		k.present.countTunnels(established), k.present.countTunnels(passive))
	if hasUsers {
		detail += fmt.Sprintf(", %d users", k.present.countUsers())
	}
	return detail
}

// keep makes the interface and charon's connections what they should be. The faults do not stop the rest.
func (k *Keeper) keep(ctx context.Context) (faults []string, err error) {
	if k.takeRestarted() {
		clear(k.loaded)
		k.secrets, k.told, k.present, k.mustRequest, k.isRenewed, k.mustReload = nil, nil, nil, true, false, false
		k.disconnect()
	}
	if k.session == nil {
		if k.session, err = connect(ctx); err != nil {
			return faults, err
		}
	}
	now := k.role.now()
	if err := k.tell(ctx, now); err != nil {
		return faults, err
	}
	if err := k.files.Read(time.Now()); err != nil {
		faults = append(faults, err.Error())
	}
	if mustRestart, err := k.keepSettings(ctx); mustRestart || err != nil {
		return faults, err
	}
	wanted := tunnels.Compile(k.wanted(), k.files.Entries(), k.config.ESP == UserspaceESP)
	faults = append(faults, wanted.Faults...)
	if k.wanted().IsEnabled() {
		if err := k.keepInterface(); err != nil {
			faults = append(faults, err.Error())
		}
	}
	refused, err := k.load(ctx, wanted)
	if faults = append(faults, refused...); err != nil {
		return faults, err
	}
	if err := k.list(ctx); err != nil {
		return faults, err
	}
	if !now.isActive {
		return faults, k.follow(ctx)
	}
	return faults, k.lead(ctx, wanted)
}

// list records the SAs that charon has.
func (k *Keeper) list(ctx context.Context) error {
	present, err := k.session.list(ctx)
	if err == nil {
		k.present = present
	}
	return err
}

// keepInterface makes the interface of tunnels forward packets. charon makes it in userspace.
func (k *Keeper) keepInterface() error {
	link, err := k.kernel.Link(contract.TunnelInterface)
	if errors.Is(err, unix.ENODEV) && k.config.ESP == KernelESP {
		if err := xfrm.EnsureInterface(contract.TunnelInterface, tunnels.InterfaceID, tunnelMTU); err != nil {
			return err
		}
		link, err = k.kernel.Link(contract.TunnelInterface)
	}
	if err != nil {
		return err
	}
	// Sources are validated by the firewall, as on the traffic interfaces.
	wanted := link.IPv4
	wanted.Forwarding, wanted.ReversePathFilter, wanted.SourceMark = true, 0, 1
	wanted.AcceptRedirects, wanted.AcceptSourceRoute, wanted.ProxyARP = 0, 0, 0
	if link.IPv4 == wanted {
		return nil
	}
	return k.kernel.SetDevconf(link.Index, wanted)
}

// load loads keys and connections that charon does not have, and ends those that are not wanted any more. It returns
// what charon refuses.
func (k *Keeper) load(ctx context.Context, wanted tunnels.Config) (refused []string, err error) {
	if hash := wanted.SecretsHash(); k.secrets == nil || *k.secrets != hash {
		k.secrets = nil // It has none while they are replaced.
		if k.refused, err = k.session.loadSecrets(ctx, wanted); err != nil {
			return nil, err
		}
		k.secrets = &hash
		k.config.Log.Info("Loaded keys", "shared", len(wanted.Shared), "private", len(wanted.Keys))
	}
	// Charon would refuse a key again. Tunnels that do not need it are loaded.
	refused = slices.Clone(k.refused)
	for name, hash := range k.loaded {
		isSame := func(c tunnels.Connection) bool { return c.Name == name && c.Hash() == hash }
		if slices.ContainsFunc(wanted.Connections, isSame) {
			continue
		}
		if err := k.session.remove(ctx, name); err != nil {
			return refused, err
		}
		delete(k.loaded, name)
		k.config.Log.Info("Removed tunnel", "tunnel", name)
	}
	for _, c := range wanted.Connections {
		if _, isLoaded := k.loaded[c.Name]; isLoaded {
			continue
		}
		fault, err := k.session.load(ctx, c)
		if err != nil {
			return refused, err
		}
		if fault != "" {
			refused = append(refused, fault)
			continue
		}
		k.loaded[c.Name] = c.Hash()
		k.mustRequest = k.mustRequest || !k.role.now().isActive // Charon refused what the other unit told about it.
		k.config.Log.Info("Loaded tunnel", "tunnel", c.Name)
	}
	return refused, nil
}

// disconnect ends the session, if there is one.
func (k *Keeper) disconnect() {
	if k.session != nil {
		_ = k.session.close() // charon ends it as well.
		k.session = nil
	}
}
