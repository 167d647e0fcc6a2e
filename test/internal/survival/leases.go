package survival

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// Leases has a host with a lease of the DHCP server. It sleeps while the role moves, and another host then asks for its
// address. The clients are udhcpc.
type Leases struct {
	Site Site

	started
	laptop  *leaseholder
	address string
	phones  int
}

// Serve implements Sessions. The server is the firewall.
func (l *Leases) Serve(context.Context) (err error) {
	l.laptop, err = l.leaseholder(l.Site.LAN, "laptop")
	return err
}

// Prepare implements Sessions.
func (l *Leases) Prepare(ctx context.Context) (err error) {
	if l.address == "" {
		l.address, err = l.laptop.ask(ctx, &l.started)
	}
	return err
}

// Announce implements Sessions. The host falls asleep.
func (l *Leases) Announce(context.Context) error { return l.laptop.link("down") }

// Check implements Sessions.
func (l *Leases) Check(ctx context.Context) []Proof {
	stolen := l.steal(ctx)
	renewed := l.laptop.link("up")
	if renewed == nil {
		renewed = l.laptop.renew(ctx, l.address)
	}
	return []Proof{
		{What: "address of a host that sleeps is not given to another one", NeedsClass: true, Err: stolen},
		{What: "lease that the host renews", NeedsClass: true, Err: renewed},
	}
}

// steal adds another host that asks for the address. It returns an error if that host gets it.
func (l *Leases) steal(ctx context.Context) error {
	l.phones++
	var phone started
	defer phone.Close()
	host, err := phone.leaseholder(l.Site.LAN, fmt.Sprintf("phone%d", l.phones))
	if err != nil {
		return err
	}
	got, err := host.ask(ctx, &phone, "--request="+l.address)
	if err == nil && got == l.address {
		return fmt.Errorf("another host got %s", got)
	}
	return err
}

// leaseholder is a host with a DHCP client.
type leaseholder struct {
	host   endurance.Namespace
	events string // the file with what the client was told
	script string
	client *exec.Cmd
	seen   int // how many lines of the file were seen
}

// noteLease gives the host its address, and writes what the client was told to a file.
const noteLease = `#!/bin/sh
case $1 in
bound|renew) ip address replace $ip/24 dev lan0 ;;
deconfig) ip address flush dev lan0; exit 0 ;;
nak) ;;
*) exit 0 ;;
esac
echo "$1 $ip" >> %s
`

// leaseholder adds such a host to a network.
func (s *started) leaseholder(beside endurance.Namespace, name string) (*leaseholder, error) {
	host, err := s.guest(beside, name)
	if err != nil {
		return nil, err
	}
	directory, err := s.directory(name)
	if err != nil {
		return nil, err
	}
	h := &leaseholder{
		host: host, script: filepath.Join(directory, "script"), events: filepath.Join(directory, "events"),
	}
	return h, os.WriteFile(h.script, fmt.Appendf(nil, noteLease, h.events), 0o755) //nolint:gosec // The client runs it.
}

// ask starts the client, and returns the address that it gets. The client runs until the end of s.
func (h *leaseholder) ask(ctx context.Context, s *started, options ...string) (string, error) {
	if err := h.link("up"); err != nil {
		return "", err
	}
	h.client = exec.Command("busybox", append([]string{
		"udhcpc", "--foreground", "--interface=lan0", "--timeout=1", "--tryagain=1", "--script=" + h.script,
	}, options...)...)
	if err := s.start(h.host, h.client); err != nil {
		return "", err
	}
	return h.told(ctx, "bound")
}

// renew renews the lease, which must keep its address.
func (h *leaseholder) renew(ctx context.Context, address string) error {
	if err := syscall.Kill(h.client.Process.Pid, syscall.SIGUSR1); err != nil {
		return err
	}
	got, err := h.told(ctx, "renew")
	if err == nil && got != address {
		return fmt.Errorf("the host has %s instead of %s", got, address)
	}
	return err
}

// told waits until the client was told something, which must be of a kind, and returns the address.
func (h *leaseholder) told(ctx context.Context, kind string) (address string, err error) {
	var line string
	err = eventually(ctx, "the host to be told something", func(context.Context) error {
		text, err := os.ReadFile(h.events)
		lines := strings.Split(string(text), "\n")
		if len(lines) <= h.seen+1 {
			return errors.Join(errors.New("it was told nothing"), err)
		}
		line = lines[h.seen]
		return nil
	})
	if err != nil {
		return "", err
	}
	h.seen++
	got, address, _ := strings.Cut(line, " ")
	if got != kind {
		return "", fmt.Errorf("the host was told %q, want a %s", line, kind)
	}
	return address, nil
}

func (h *leaseholder) link(state string) error {
	_, err := command(h.host, "ip link set lan0 "+state)
	return err
}
