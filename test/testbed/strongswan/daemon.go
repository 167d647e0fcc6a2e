package strongswan

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// charon is the path of Debian's IKE daemon.
const charon = "/usr/lib/ipsec/charon"

// settings are charon's, with a directory for its socket, and plugins.
const settings = `
charon {
  load_modular = no
  load = random nonce openssl pem pkcs1 pkcs8 pubkey x509 constraints kdf hmac vici %[2]s
  install_routes = %[3]s
  install_virtual_ip = %[3]s
  filelog {
    stderr {
      default = 1
      time_format = %%T
      time_add_ms = yes
    }
  }
  plugins {
    vici {
      socket = unix://%[1]s/vici
    }
    kernel-libipsec {
      load = yes
    }
    openssl {
      load_legacy = yes
    }
    resolve {
      file = %[1]s/resolv.conf
    }
  }
}
swanctl {
  load = random nonce openssl pem pkcs1 pkcs8 x509
}
`

// network are the plugins that send and receive packets, and user those of a user besides them.
const (
	network = "kernel-libipsec kernel-netlink socket-default updown"
	user    = " eap-identity eap-mschapv2 resolve"
)

// Daemon is a strongSwan whose files are in a directory. It has the network namespace in which its command is started.
type Daemon struct{ directory string }

// Prepare writes the files of a daemon: a swanctl.conf, and files in its directories, as in x509/peer.pem.
func Prepare(directory, configuration string, files map[string]string) (Daemon, error) {
	return prepare(directory, fmt.Sprintf(settings, directory, network, "no"), configuration, files)
}

// PrepareUser writes the files of the client of a user, which installs the address that it gets, and the routes.
func PrepareUser(directory, configuration string, files map[string]string) (Daemon, error) {
	return prepare(directory, fmt.Sprintf(settings, directory, network+user, "yes"), configuration, files)
}

func prepare(directory, settings, configuration string, files map[string]string) (Daemon, error) {
	d := Daemon{directory}
	all := map[string]string{
		"strongswan.conf":      settings,
		"swanctl/swanctl.conf": configuration,
	}
	for name, text := range files {
		all["swanctl/"+name] = text
	}
	for name, text := range all {
		file := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return d, err
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return d, err
		}
	}
	return d, nil
}

// Command returns the command that runs the daemon.
func (d Daemon) Command() *exec.Cmd {
	command := InPrivateRun(charon)
	command.Env = d.environment()
	return command
}

// Swanctl runs swanctl with the daemon, in any network namespace, and returns what it prints.
func (d Daemon) Swanctl(args ...string) (string, error) {
	command := exec.Command("swanctl", append(args, "--uri", "unix://"+filepath.Join(d.directory, "vici"))...)
	command.Env = d.environment()
	out, err := command.CombinedOutput()
	return string(out), err
}

// IsRunning reports whether the daemon answers.
func (d Daemon) IsRunning() bool {
	_, err := d.Swanctl("--stats")
	return err == nil
}

func (d Daemon) environment() []string {
	return append(os.Environ(),
		"STRONGSWAN_CONF="+filepath.Join(d.directory, "strongswan.conf"),
		"SWANCTL_DIR="+filepath.Join(d.directory, "swanctl"))
}

// InPrivateRun returns a command that runs a program with a /run of its own. Daemons put files there whose names are
// built in, so that two of them would disturb each other.
func InPrivateRun(program string, args ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{
		"--mount", "sh", "-c", `mount -t tmpfs tmpfs /run && exec "$@"`, "sh", program,
	}, args...)...)
}
