package vpn

import (
	"fmt"
	"strings"
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
}

// plugins returns the plugins of charon, in the order in which it loads them.
func (s Settings) plugins() []string {
	plugins := []string{
		// Cryptography and credentials.
		"random", "nonce", "openssl", "pem", "pkcs1", "pkcs8", "pubkey", "x509", "revocation", "constraints", "kdf", "hmac",
		"vici",
	}
	if s.ESP == UserspaceESP {
		plugins = append(plugins, "kernel-libipsec")
	}
	// Routes and addresses are the kernel's in both cases.
	return append(plugins, "kernel-netlink", "socket-default",
		"eap-identity", "eap-md5", "eap-mschapv2", "eap-radius", "eap-tls", "counters")
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
  }
}
swanctl {
  load = %s
}
`, strings.Join(s.plugins(), " "), strings.Join(toolPlugins(), " "))
}
