package strongswan

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
)

// User is a user with the client of strongSwan.
type User struct{ *Peer }

// Login is what a user enters.
type Login struct {
	// Address is that of the client, and Server that of the pair.
	Address, Server string
	// Identity is the name that the pair must prove, by a certificate of Authority, in PEM.
	Identity, Authority string
	Name, Password      string
}

// userConfiguration is what a user configures.
const userConfiguration = `
connections {
  home {
    version = 2
    local_addrs = %[1]s
    remote_addrs = %[2]s
    vips = 0.0.0.0
    local {
      auth = eap-mschapv2
      eap_id = %[4]s
    }
    remote {
      auth = pubkey
      id = %[3]s
    }
    children {
      home {
        remote_ts = 0.0.0.0/0
      }
    }
  }
}
secrets {
  eap-user {
    id = %[4]s
    secret = "%[5]s"
  }
}
`

// StartUser starts the client of a user in a namespace, which does not connect yet. It ends with the test.
func StartUser(t testing.TB, n *testbed.Namespace, l Login) *User {
	t.Helper()
	daemon, err := PrepareUser(t.TempDir(),
		fmt.Sprintf(userConfiguration, l.Address, l.Server, l.Identity, l.Name, l.Password),
		map[string]string{"x509ca/authority.pem": l.Authority})
	if err != nil {
		t.Fatal(err)
	}
	return &User{start(t, n, daemon)}
}

// Connect connects, and reports whether that succeeded.
func (u *User) Connect() bool {
	_, err := u.daemon.Swanctl("--initiate", "--child", "home")
	return err == nil
}

// virtualAddress matches what the client logs of its address.
var virtualAddress = regexp.MustCompile(`installing new virtual IP (\S+)`)

// Address returns the address that the user got last. It is not valid before there is one.
func (u *User) Address() netip.Addr {
	all := virtualAddress.FindAllStringSubmatch(u.Program.Log.String(), -1)
	if len(all) == 0 {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(all[len(all)-1][1])
	if err != nil {
		u.t.Fatal(err)
	}
	return address
}

// Resolver returns the DNS servers that the client uses, as in /etc/resolv.conf.
func (u *User) Resolver() string {
	text, err := os.ReadFile(filepath.Join(u.daemon.directory, "resolv.conf"))
	if err != nil && !os.IsNotExist(err) {
		u.t.Fatal(err)
	}
	return string(text)
}
