package survival

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// Informed has a host that learns its DNS server by stateless DHCPv6. It asks with dhclient.
type Informed struct {
	Site Site

	started
	host   endurance.Namespace
	folder string
	first  string // what the host was told first
}

// noteServers writes to a file what dhclient was told.
const noteServers = `#!/bin/sh
[ -z "$new_dhcp6_name_servers" ] && exit 0
echo "$new_dhcp6_name_servers $new_dhcp6_domain_search $new_dhcp6_server_id" > %s
`

// Serve implements Sessions. The server is the pair.
func (i *Informed) Serve(context.Context) (err error) {
	if i.folder, err = i.directory("informed"); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"script": fmt.Sprintf(noteServers, i.file("told")), "config": "request dhcp6.name-servers, dhcp6.domain-search;\n",
	} {
		//nolint:gosec // The client runs one of them.
		if err := os.WriteFile(i.file(name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	if i.host, err = i.guest(i.Site.LAN, "reader"); err != nil {
		return err
	}
	_, err = command(i.host, "sysctl -qw net.ipv6.conf.lan0.accept_dad=0") // It asks from its link-local address.
	if err == nil {
		_, err = command(i.host, "ip link set lan0 up")
	}
	return err
}

func (i *Informed) file(name string) string { return filepath.Join(i.folder, name) }

// Prepare implements Sessions.
func (i *Informed) Prepare(ctx context.Context) (err error) {
	if i.first == "" {
		i.first, err = i.learn(ctx)
	}
	return err
}

// Check implements Sessions.
func (i *Informed) Check(ctx context.Context) []Proof {
	told, err := i.learn(ctx)
	if err == nil && told != i.first {
		err = fmt.Errorf("the host is told %q, and %q before", told, i.first)
	}
	return []Proof{{What: "DNS server of a host, by DHCPv6", Err: err}}
}

// learn asks once with dhclient, which repeats its question, and returns what the host is told.
func (i *Informed) learn(ctx context.Context) (told string, err error) {
	if err := os.RemoveAll(i.file("told")); err != nil {
		return "", err
	}
	var client started
	defer client.Close()
	dhclient := exec.Command("dhclient", "-6", "-S", "-d", "-1", "-cf", i.file("config"), "-sf", i.file("script"),
		"-lf", i.file("leases"), "-pf", i.file("pid"), "lan0")
	if err := client.start(i.host, dhclient); err != nil {
		return "", err
	}
	err = eventually(ctx, "the host to learn of servers", func(context.Context) error {
		text, err := os.ReadFile(i.file("told"))
		if told = strings.TrimSpace(string(text)); err == nil && !strings.HasPrefix(told, "fd50::1 lan.example. ") {
			err = errors.New("the host is told " + told)
		}
		return err
	})
	return told, err
}
