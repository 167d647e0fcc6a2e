package vpn

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

// ESP is who encrypts packets.
type ESP string

const (
	// KernelESP leaves packets to the kernel (XFRM).
	KernelESP ESP = "kernel"
	// UserspaceESP is for nodes whose kernel has no ESP. It needs /dev/net/tun, and peers that encapsulate in UDP.
	UserspaceESP ESP = "userspace"
)

// ParseESP parses the value of a flag.
func ParseESP(text string) (ESP, error) {
	if esp := ESP(text); esp == KernelESP || esp == UserspaceESP {
		return esp, nil
	}
	return "", fmt.Errorf("%q: want %s or %s", text, KernelESP, UserspaceESP)
}

// Settings are what charon reads at its start.
type Settings struct {
	ESP ESP
	// Pools are the addresses for users. Both daemons know from each other which of them are given.
	Pools []netip.Prefix
	// DNSServers are what users are told. Charon also reads them when it is told to.
	DNSServers []netip.Addr
}

// maxIKESAs bounds the IKE SAs. A list has room for twice as many, since an SA can have a successor while it ends. The
// sidecar replicates all of them. Charon ignores further peers.
const maxIKESAs = maxListed / 2

// plugins returns the plugins of charon, in the order in which it loads them.
func (s Settings) plugins() []string {
	plugins := []string{
		// Cryptography and credentials.
		"random", "nonce", "openssl", "pem", "pkcs1", "pkcs8", "pubkey", "x509", "revocation", "constraints", "kdf", "hmac",
		"vici", "attr",
	}
	if s.ESP == UserspaceESP {
		plugins = append(plugins, "kernel-libipsec")
	}
	// Routes and addresses are the kernel's in both cases.
	return append(plugins, "kernel-netlink", "socket-default",
		"eap-identity", "eap-md5", "eap-mschapv2", "eap-radius", "eap-tls", "counters", "ha")
}

// toolPlugins returns the plugins of swanctl, which reads certificates and keys.
func toolPlugins() []string {
	return []string{"random", "nonce", "openssl", "pem", "pkcs1", "pkcs8", "x509"}
}

// String returns the text of strongswan.conf.
func (s Settings) String() string {
	return fmt.Sprintf(`# Written at the start of the container.
charon {
  load_modular = no
  # The routes of the data plane are the firewall's, and the addresses of the unit move with its role.
  install_routes = no
  install_virtual_ip = no
  # After a failover, answers go to the other unit until the neighbours know better. All tries take about a minute.
  retransmit_timeout = 0.5
  retransmit_base = 1.8
  retransmit_tries = 7
  ikesa_limit = %d
  load = %s
  filelog {
    stderr {
      default = 1
      ike_name = yes
    }
  }
  plugins {
    openssl {
      load_legacy = yes
    }
    kernel-libipsec {
      load = yes
    }
    kernel-netlink {
      roam_events = no
    }
    # The sidecar relays the descriptions of SAs. It alone decides when to send all of them, and hapair about roles.
    ha {
      local = %s
      remote = %s
      segment_count = 1
      fifo_interface = yes
      monitor = no
      resync = no
      buflen = %d
%s    }
%s  }
}
swanctl {
  load = %s
}
`, maxIKESAs, strings.Join(s.plugins(), " "), contract.IKEDaemon().Addr(), contract.IKERelay().Addr(),
		message.MaxBytes, s.pools(), s.attributes(), strings.Join(toolPlugins(), " "))
}

// pools returns the section with the pools; empty for none.
func (s Settings) pools() string {
	if len(s.Pools) == 0 {
		return ""
	}
	var section strings.Builder
	section.WriteString("      pools {\n")
	for i, name := range tunnels.PoolNames(s.Pools) {
		fmt.Fprintf(&section, "        %s = %s\n", name, s.Pools[i])
	}
	section.WriteString("      }\n")
	return section.String()
}

// attributes returns the section with what users are told; empty for nothing.
func (s Settings) attributes() string {
	if len(s.DNSServers) == 0 {
		return ""
	}
	servers := make([]string, 0, len(s.DNSServers))
	for _, a := range s.DNSServers {
		servers = append(servers, a.String())
	}
	return fmt.Sprintf("    attr {\n      dns = %s\n    }\n", strings.Join(servers, ", "))
}
