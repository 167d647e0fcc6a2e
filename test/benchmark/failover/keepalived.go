package failover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"text/template"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/benchmark/internal/conntrackd"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// replication is a configuration of conntrackd.
type replication uint8

const (
	// replicationExample has the buffers of the packaged example.
	replicationExample replication = iota
	// replicationTuned has buffers and tables for hundreds of thousands of connections. It stores the peer's connections
	// in its own cache, and writes them into the kernel at the takeover.
	replicationTuned
	// replicationDirect is tuned too, and writes the peer's connections into the kernel at once.
	replicationDirect
)

func (r replication) String() string {
	return [...]string{"conntrackd as shipped", "conntrackd tuned, external cache", "conntrackd tuned, direct"}[r]
}

// keepalived is the usual alternative: keepalived for the addresses, conntrackd for the connections, and the script
// between them that conntrackd's documentation describes.
type keepalived struct {
	bed         *bed
	advert      string // seconds
	replication replication
	daemons     map[string]*process.Process
}

// defaultAdvert is keepalived's own interval, in seconds.
const defaultAdvert = "1"

const keepalivedProgram = "/usr/sbin/keepalived"

// notifyScript is called by keepalived with the new role. It runs the commands that the manual of conntrack-tools lists
// for each role. A new primary commits the peer's connections, flushes its caches, reads the kernel's table again, and
// sends all of it. A new backup shortens the timeouts of its own entries and requests all of the peer's.
var notifyScript = template.Must(template.New("notify").Parse(`#!/bin/sh
daemon="{{.Conntrackd}} -C {{.Configuration}}"
case "$1" in
primary) $daemon -c; $daemon -f; $daemon -R; $daemon -B ;;
backup) $daemon -t; $daemon -n ;;
fault) $daemon -t ;;
esac
echo "$1" >> {{.Roles}}
`))

// keepalivedConfiguration has one group, so that the addresses of both networks move together. VRRP 3 is needed for
// intervals below a second.
var keepalivedConfiguration = template.Must(template.New("keepalived").Parse(`global_defs {
    router_id {{.Name}}
    vrrp_version 3
    vrrp_no_swap
    vrrp_garp_master_delay 1
    vrrp_garp_master_repeat 2
    script_user root
    enable_script_security
}
vrrp_sync_group pair {
    group {
        lan
        wan
    }
    notify_master "{{.Script}} primary"
    notify_backup "{{.Script}} backup"
    notify_fault "{{.Script}} fault"
}
{{- range .Instances}}
vrrp_instance {{.Name}} {
    state BACKUP
    nopreempt
    interface {{.Interface}}
    virtual_router_id {{.ID}}
    priority {{$.Priority}}
    advert_int {{$.Advert}}
    virtual_ipaddress {
        {{.Address}} dev {{.Interface}}
    }
}
{{- end}}
`))

func render(t *template.Template, values any) string {
	var b bytes.Buffer
	if err := t.Execute(&b, values); err != nil {
		panic(err) // the templates and their values are constants of this file
	}
	return b.String()
}

func (k *keepalived) start() {
	b := k.bed
	b.t.Helper()
	k.daemons = map[string]*process.Process{}
	for i, r := range b.routers() {
		peer := b.routers()[1-i]
		process.Start(b.t, r.path(), b.file(r.name+"-conntrackd.out"),
			exec.Command(conntrackd.Program, "-C", k.configureConntrackd(r, peer)))
		b.await("conntrackd of "+r.name, func(context.Context) error {
			_, err := os.Stat(k.file(r, "conntrackd.ctl"))
			return err
		})
	}
	for i, r := range b.routers() {
		k.daemons[r.name] = process.Start(b.t, r.path(), b.file(r.name+"-keepalived.log"), exec.Command(keepalivedProgram,
			"--dont-fork", "--log-console", "--log-detail", "--vrrp", "--use-file="+k.configureKeepalived(r, i),
			"--pid="+k.file(r, "keepalived.pid"), "--vrrp_pid="+k.file(r, "vrrp.pid")))
		role := []string{"primary", "backup"}[i]
		b.await("keepalived of "+r.name+" to be "+role, func(context.Context) error {
			k.daemons[r.name].Running()
			return k.was(r, role)
		})
	}
	b.await("keepalived to be redundant", func(context.Context) error { return k.redundant() })
}

func (k *keepalived) file(r *router, name string) string { return k.bed.file(r.name + "-" + name) }

func (k *keepalived) configureConntrackd(r, peer *router) string {
	return k.bed.write(r.name+"-conntrackd.conf", conntrackd.Configuration{
		Tuned: k.replication != replicationExample, Direct: k.replication == replicationDirect,
		Own: r.sync, Peer: peer.sync, Log: k.file(r, "conntrackd.log"),
		Lock: k.file(r, "conntrackd.lock"), Socket: k.file(r, "conntrackd.ctl"),
		Ignored: []string{
			testbed.VirtualLAN.Addr().String(), testbed.VirtualWAN.Addr().String(),
			r.sync, peer.sync, r.management, peer.management, apiServerAddress,
			"192.168.50.2", "192.168.50.3", "203.0.113.2", "203.0.113.3",
		},
	}.Render(), 0o600)
}

func (k *keepalived) configureKeepalived(r *router, number int) string {
	script := k.bed.write(r.name+"-notify.sh", render(notifyScript, map[string]any{
		"Conntrackd": conntrackd.Program, "Configuration": k.file(r, "conntrackd.conf"), "Roles": k.file(r, "roles"),
	}), 0o700)
	type instance struct {
		Name, Interface, Address string
		ID                       int
	}
	return k.bed.write(r.name+"-keepalived.conf", render(keepalivedConfiguration, map[string]any{
		"Name": r.name, "Script": script, "Priority": k.priority() - number, "Advert": k.advert,
		"Instances": []instance{
			{"lan", "lan0", testbed.VirtualLAN.String(), 61}, {"wan", "wan0", testbed.VirtualWAN.String(), 62},
		},
	}), 0o600)
}

// priority returns the priority of the primary. A backup waits three intervals and an additional time, which is longer
// for a lower priority. With the priority of most examples it is more than half an interval.
func (k *keepalived) priority() int {
	if k.advert == defaultAdvert {
		return 101
	}
	return 254
}

// was returns an error unless the router's script last completed for the given role.
func (k *keepalived) was(r *router, role string) error {
	text, err := os.ReadFile(k.file(r, "roles"))
	if err != nil {
		return err
	}
	lines := strings.Fields(string(text))
	if len(lines) == 0 || lines[len(lines)-1] != role {
		return fmt.Errorf("%w: %s has been %v", errNotRedundant, r.name, lines)
	}
	return nil
}

func (k *keepalived) redundant() error {
	if err := k.bed.secondary.holdsVirtualAddress(); !errors.Is(err, errVirtualAddress) {
		return errors.Join(fmt.Errorf("%w: %s has the virtual address", errNotRedundant, k.bed.secondary.name), err)
	}
	return errors.Join(k.was(k.bed.primary, "primary"), k.was(k.bed.secondary, "backup"),
		k.bed.primary.holdsVirtualAddress())
}

func (k *keepalived) replicated() (int, error) {
	if k.replication == replicationDirect {
		return connections.Count(k.bed.secondary.namespace)
	}
	r := k.bed.secondary
	return conntrackd.Cached(r.namespace, k.file(r, "conntrackd.conf"))
}

// report returns nothing, because keepalived does not report its takeovers.
func (k *keepalived) report() json.RawMessage { return nil }

// stop stops keepalived as an administrator would. conntrackd continues, because the peer may still need it.
func (k *keepalived) stop(r *router) { k.daemons[r.name].Signal(unix.SIGTERM) }
