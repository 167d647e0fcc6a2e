package connections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// NewCommand returns the command. It runs in the container of a unit's sidecar.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "connections", Short: "End tracked connections of the active unit", Args: cobra.NoArgs}
	cmd.AddCommand(newEndCommand())
	return cmd
}

// options are the flags of the command end.
type options struct {
	filter           flags
	isDryRun         bool
	health, settings string
}

const endHelp = `End the connections that match all given flags, on both units.

A connection is deleted from the kernel's table. Its next packet counts as the first one of a new connection: the
policies decide about it, and translations apply. A TCP connection that ended cannot continue; its ends get no reset.
A helper's data connections end with the connection that announced them. Connections of the unit itself never match.

Run it on the active unit, in the container of its sidecar.`

const endExamples = `  # Which connections does the host have?
  sidecar connections end --source 192.168.50.23 --dry-run
  # End them.
  sidecar connections end --source 192.168.50.23
  # End connections to a mail server, from one network.
  sidecar connections end --source 192.168.50.0/24 --destination 198.51.100.25 --protocol tcp --port 25`

func newEndCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "end (--source ADDRESSES | --destination ADDRESSES | --protocol NAME | --port PORTS | --all)",
		Short: "End the connections that match all given flags, on both units",
		Long:  endHelp, Example: endExamples,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVar(&o.filter.source, "source", "",
		"address, prefix or range of the hosts that opened the connections, before or after translation")
	f.StringVar(&o.filter.destination, "destination", "",
		"address, prefix or range that the connections go to, before or after translation")
	f.StringVar(&o.filter.protocol, "protocol", "", "tcp, udp, icmp, icmpv6, sctp, gre, esp, ah, or a number")
	f.StringVar(&o.filter.port, "port", "", "destination port or range of ports, before or after translation")
	f.BoolVar(&o.filter.all, "all", false, "every connection")
	f.BoolVar(&o.isDryRun, "dry-run", false, "list the connections and end none")
	f.StringVar(&o.health, "health-address", healthAddress(), "address at which the sidecar reports its role")
	f.StringVar(&o.settings, "settings", contract.SidecarFile, "file with the settings of the pair")
	return cmd
}

// healthAddress returns where the sidecar of this container reports its role. In a pod that is at the pod's address
// only.
func healthAddress() string {
	return net.JoinHostPort(cmp.Or(os.Getenv("POD_IP"), "127.0.0.1"), strconv.Itoa(contract.HealthPort))
}

// run ends connections, or lists them.
func (o options) run(ctx context.Context, out io.Writer) error {
	f, err := o.filter.parse()
	if err != nil {
		return err
	}
	if f.own, err = ownAddresses(o.settings); err != nil {
		return err
	}
	if err := checkActive(ctx, o.health); err != nil {
		return err
	}
	selected, err := selectFlows(ctx, f)
	if err != nil {
		return err
	}
	if o.isDryRun {
		var lines strings.Builder
		for i := range selected {
			lines.WriteString(describe(&selected[i]) + "\n")
		}
		_, err := fmt.Fprintf(out, "%s%d connections match; none was ended\n", lines.String(), len(selected))
		return err
	}
	ended, err := conntrack.End(selected)
	_, failed := fmt.Fprintf(out, "Ended %d connections\n", ended)
	return errors.Join(err, failed, checkActive(ctx, o.health))
}

// selectFlows returns the connections that match, and those that their helpers expected.
func selectFlows(ctx context.Context, f filter) ([]conntrack.Flow, error) {
	var selected, rest []conntrack.Flow
	err := conntrack.Dump(ctx, func(c conntrack.Flow) error {
		if f.selects(&c) {
			selected = append(selected, c)
		} else if c.Fields.Has(conntrack.FieldMaster) {
			rest = append(rest, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading connections: %w", err)
	}
	return append(selected, conntrack.ExpectedBy(selected, rest)...), nil
}

// describe returns a connection as a line, with its translation.
func describe(c *conntrack.Flow) string {
	line := c.Orig.String()
	for name, number := range protocols {
		if number == c.Orig.Protocol {
			line = name + strings.TrimPrefix(line, strconv.Itoa(int(number)))
		}
	}
	if c.Translated() {
		line += ", translated: answers are " + strings.TrimPrefix(c.Reply.String(), strconv.Itoa(int(c.Reply.Protocol))+" ")
	}
	return line
}

// ownAddresses returns the unit's addresses outside of the segments.
func ownAddresses(settings string) ([]netip.Addr, error) {
	text, err := os.ReadFile(settings)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w; run this in the container of a sidecar", err)
	}
	pair, err := contract.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("reading settings from %s: %w", settings, err)
	}
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing interfaces: %w", err)
	}
	var own []netip.Addr
	for _, link := range links {
		if slices.ContainsFunc(pair.Networks, func(n contract.Network) bool { return n.Interface == link.Name }) {
			continue
		}
		addresses, err := link.Addrs()
		if err != nil {
			return nil, fmt.Errorf("listing the addresses of %s: %w", link.Name, err)
		}
		for _, a := range addresses {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				own = append(own, prefix.Addr().Unmap())
			}
		}
	}
	return own, nil
}

// roleTimeout bounds the request to the sidecar in the same container.
const roleTimeout = 5 * time.Second

// checkActive returns an error unless the unit is active. What ends on a standby would come back from the active.
func checkActive(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, roleTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+contract.RolePath, nil)
	if err != nil {
		return fmt.Errorf("asking the sidecar for its role: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking the sidecar for its role: %w; run this in the container of a sidecar", err)
	}
	defer response.Body.Close() //nolint:errcheck // Nothing was written that closing could lose.
	body, err := io.ReadAll(io.LimitReader(response.Body, 64))
	if err != nil {
		return fmt.Errorf("asking the sidecar for its role: %w", err)
	}
	if role := strings.TrimSpace(string(body)); response.StatusCode != http.StatusOK || role != ha.Active.String() {
		return fmt.Errorf("this unit is not active (its role is %s), and connections end on the active unit only; "+
			"run this there: kubectl get pods -L hapair.io/role", role)
	}
	return nil
}
