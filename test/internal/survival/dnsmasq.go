package survival

import (
	"io"
	"net/netip"
	"os/exec"
	"strings"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// dnsmasq runs dnsmasq on a host until the end, without the configuration of the machine. The log gets its output, and
// may be nil.
func (s *started) dnsmasq(host endurance.Host, log io.Writer, options ...string) (*exec.Cmd, error) {
	dnsmasq := exec.Command("dnsmasq", append([]string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=",
	}, options...)...)
	dnsmasq.Stdout, dnsmasq.Stderr = log, log
	return dnsmasq, s.start(host, dnsmasq)
}

// nameServer runs a DNS server at a port of the server's address. It knows one name, and no others of that domain.
func (s *started) nameServer(
	host endurance.Host, log io.Writer, port, name string, address netip.Addr,
) (*exec.Cmd, error) {
	_, domain, _ := strings.Cut(name, ".")
	return s.dnsmasq(host, log, "--user=root", "--no-resolv", "--no-hosts", "--local=/"+domain+"/",
		"--listen-address="+server.String(), "--bind-interfaces", "--port="+port,
		"--host-record="+name+","+address.String()+",60")
}
