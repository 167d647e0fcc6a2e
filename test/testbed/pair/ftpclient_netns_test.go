//go:build netns

package pair_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// patience bounds each wait for an answer of the server.
const patience = 5 * time.Second

// serveFTP starts vsftpd on a host, with files that anyone may read. Rate bounds a transfer in bytes a second; 0 does
// not.
func serveFTP(t *testing.T, host *testbed.Namespace, rate int, files map[string][]byte) {
	t.Helper()
	directory := t.TempDir()
	root := filepath.Join(directory, "files")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for d := directory; strings.HasPrefix(filepath.Base(d), "00") || strings.HasPrefix(filepath.Base(d), "Test"); {
		if err := os.Chmod(d, 0o755); err != nil { // The server reads as another user.
			t.Fatal(err)
		}
		d = filepath.Dir(d)
	}
	empty, config := filepath.Join(directory, "empty"), filepath.Join(directory, "vsftpd.conf")
	settings := fmt.Sprintf(`
listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root=%s
anon_max_rate=%d
secure_chroot_dir=%s
seccomp_sandbox=NO
connect_from_port_20=YES
port_enable=YES
connect_timeout=3
accept_timeout=3
`, root, rate, empty)
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.TrimSpace(settings)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("vsftpd", config)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program := host.StartProgram(t, command)
	// Each session is a process of its own, which does not end with the server.
	t.Cleanup(func() { _ = syscall.Kill(-program.Pid(), syscall.SIGKILL) })
	testbed.Eventually(t, "the server listens", func() bool { return strings.Contains(host.Run(t, "ss -Hltn"), ":21 ") })
}

// ftpMode is how a client announces data connections.
type ftpMode struct {
	// server is the address that the client connects to.
	server string
	// isActive is set if the server opens data connections, and isExtended for EPRT and EPSV (RFC 2428).
	isActive, isExtended bool
}

// ftpClient has a control connection, and sends each command when the test wants. Programs announce a data connection
// and ask for a file at once, so that a failover cannot come between.
type ftpClient struct {
	t       *testing.T
	host    *testbed.Namespace
	mode    ftpMode
	local   netip.Addr
	control *textproto.Conn
	// The data connection that was announced last.
	listener net.Listener
	data     netip.AddrPort
}

func dialFTP(t *testing.T, host *testbed.Namespace, mode ftpMode) *ftpClient {
	t.Helper()
	conn := dialHost(t, host, netip.AddrPortFrom(netip.MustParseAddr(mode.server), 21))
	c := &ftpClient{
		t: t, host: host, mode: mode, control: textproto.NewConn(conn),
		local: conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap(),
	}
	c.must(c.read(220))
	c.must(c.command(230, "USER anonymous"))
	return c
}

func dialHost(t *testing.T, host *testbed.Namespace, to netip.AddrPort) net.Conn {
	t.Helper()
	dialer := net.Dialer{Timeout: patience}
	conn := testbed.Open(t, host, func() (net.Conn, error) { return dialer.Dial("tcp", to.String()) })
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func (c *ftpClient) must(_ string, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// read reads an answer with a code.
func (c *ftpClient) read(code int) (string, error) {
	_, message, err := c.control.ReadResponse(code)
	return message, err
}

// command sends a command, and reads its answer.
func (c *ftpClient) command(code int, line string) (string, error) {
	if err := c.control.PrintfLine("%s", line); err != nil {
		return "", err
	}
	message, err := c.read(code)
	if err != nil {
		return "", fmt.Errorf("%s: %w", line, err)
	}
	return message, nil
}

// announce announces a data connection.
func (c *ftpClient) announce() {
	c.t.Helper()
	if !c.mode.isActive {
		c.announcePassive()
		return
	}
	c.listener = c.host.ListenTCP(c.t, netip.AddrPortFrom(c.local, 0).String())
	at := c.listener.Addr().(*net.TCPAddr).AddrPort()
	if c.mode.isExtended {
		family := 1
		if at.Addr().Is6() {
			family = 2
		}
		c.must(c.command(200, fmt.Sprintf("EPRT |%d|%s|%d|", family, at.Addr(), at.Port())))
		return
	}
	address := strings.ReplaceAll(at.Addr().String(), ".", ",")
	c.must(c.command(200, fmt.Sprintf("PORT %s,%d,%d", address, at.Port()>>8, at.Port()&0xff)))
}

func (c *ftpClient) announcePassive() {
	c.t.Helper()
	if c.mode.isExtended {
		message, err := c.command(229, "EPSV")
		c.must(message, err)
		var port uint16
		_, text, _ := strings.Cut(message, "(|||")
		if _, err := fmt.Sscanf(text, "%d|", &port); err != nil {
			c.t.Fatalf("%q: %v", message, err)
		}
		c.data = netip.AddrPortFrom(netip.MustParseAddr(c.mode.server), port)
		return
	}
	message, err := c.command(227, "PASV")
	c.must(message, err)
	var a [4]byte
	var high, low uint16
	_, text, _ := strings.Cut(message, "(")
	if _, err := fmt.Sscanf(text, "%d,%d,%d,%d,%d,%d", &a[0], &a[1], &a[2], &a[3], &high, &low); err != nil {
		c.t.Fatalf("%q: %v", message, err)
	}
	c.data = netip.AddrPortFrom(netip.AddrFrom4(a), high<<8|low)
}

// fetch transfers a file over the data connection that was announced.
func (c *ftpClient) fetch(name string) ([]byte, error) {
	var data net.Conn
	var err error
	if !c.mode.isActive {
		dialer := net.Dialer{Timeout: patience}
		err = c.host.Do(func() (err error) { data, err = dialer.Dial("tcp", c.data.String()); return err })
		if err != nil {
			return nil, err
		}
	}
	if _, err := c.command(150, "RETR "+name); err != nil {
		return nil, err
	}
	if c.mode.isActive {
		if data, err = c.listener.Accept(); err != nil {
			return nil, err
		}
	}
	content, err := io.ReadAll(data)
	_ = data.Close() // It was read to its end.
	if err != nil {
		return nil, err
	}
	_, err = c.read(226)
	return content, err
}

// transfer announces a data connection and transfers a file.
func (c *ftpClient) transfer(when, name string, want []byte) {
	c.t.Helper()
	c.announce()
	c.finish(when, name, want)
}

// finish transfers a file over the data connection that was announced before.
func (c *ftpClient) finish(when, name string, want []byte) {
	c.t.Helper()
	got, err := c.fetch(name)
	if err != nil || string(got) != string(want) {
		c.t.Fatalf("%s: %d bytes of %d, %v", when, len(got), len(want), err)
	}
}
