// Package ftptrial tries whether the kernel translates the addresses in control connections of FTP. Without the module
// nf_nat_ftp it reads them, leaves them as they are, and reports no error.
//
// The trial is a connection of the process to itself on the loopback interface. A table of its own translates its
// source, and attaches the helper. Package firewall runs it.
package ftptrial

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// timeout bounds a trial. It takes a few milliseconds.
const timeout = 2 * time.Second

// Kernel enforces the table of the trial. Package nftables implements it.
type Kernel interface {
	Replace(ruleset.Ruleset) error
	Remove(table string) error
}

// Run reports whether the kernel translates addresses in FTP. The kernel must have the helper of FTP. An error means
// that the trial itself failed.
func Run(k Kernel) (isTranslated bool, err error) {
	return run(k, []ruleset.Helper{{Name: "ftp", Type: "ftp", Protocol: ruleset.TCP}})
}

// The client connects from one address to another. The server sees the translated one.
var (
	server     = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	translated = netip.AddrFrom4([4]byte{127, 0, 0, 2})
)

// run runs a trial with helpers.
func run(k Kernel, helpers []ruleset.Helper) (isTranslated bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("trying the translation of addresses in FTP: %w", err)
		}
	}()
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(server, 0)))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, listener.Close()) }()
	port := uint16(listener.Addr().(*net.TCPAddr).Port) //nolint:gosec,forcetypeassert // A listener of TCP has a port.
	if err := k.Replace(table(port, helpers)); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, k.Remove(nftables.FTPTrialTable)) }()
	return converse(listener)
}

// table returns the rules of a trial with a server at a port.
func table(port uint16, helpers []ruleset.Helper) ruleset.Ruleset {
	control := ruleset.Rule{
		ruleset.TCP, ruleset.PortIn{Run: ruleset.PortRun{First: port, Last: port}}, ruleset.DestinationIs{Address: server},
	}
	var attach []ruleset.Rule
	for _, h := range helpers {
		attach = append(attach, slices.Concat(control, ruleset.Rule{ruleset.SetHelper{Helper: h.Name}}))
	}
	translate := slices.Concat(control, ruleset.Rule{ruleset.SourceNAT{Address: translated}})
	return ruleset.Ruleset{
		Table: nftables.FTPTrialTable, Helpers: helpers,
		Chains: []ruleset.Chain{
			{Name: "attach", Hook: &ruleset.Hook{Point: ruleset.Output}, Rules: attach},
			{
				Name: "translate", Hook: &ruleset.Hook{Point: ruleset.Postrouting, NAT: true},
				Rules: []ruleset.Rule{translate},
			},
		},
	}
}

// errSource reports that not even the connection was translated.
var errSource = errors.New("the connection on the loopback interface was not translated")

// converse sends commands to a server, and reports whether it received the last one with the translated address.
func converse(listener *net.TCPListener) (isTranslated bool, err error) {
	deadline := time.Now().Add(timeout)
	client, err := net.DialTimeout("tcp", listener.Addr().String(), timeout)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := listener.SetDeadline(deadline); err != nil {
		return false, err
	}
	conn, err := listener.AcceptTCP()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if from, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err != nil || from.Addr() != translated {
		return false, fmt.Errorf("%w: its source is %s", errSource, conn.RemoteAddr())
	}
	if err := errors.Join(client.SetDeadline(deadline), conn.SetDeadline(deadline)); err != nil {
		return false, err
	}
	// The helper reads commands after the end of a line that it has seen.
	reader, line := bufio.NewReader(conn), ""
	for _, command := range []string{"NOOP\r\n", "PORT " + address(server) + ",200,1\r\n"} {
		if _, err := client.Write([]byte(command)); err != nil {
			return false, err
		}
		if line, err = reader.ReadString('\n'); err != nil {
			return false, err
		}
	}
	return strings.HasPrefix(line, "PORT "+address(translated)+","), nil
}

// address returns an address as FTP writes it.
func address(a netip.Addr) string { return strings.ReplaceAll(a.String(), ".", ",") }
