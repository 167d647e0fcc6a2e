package survival

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
)

const (
	// patience bounds the wait for something that must work. TCP may wait long before it sends again, and the machine may
	// be busy.
	patience = time.Minute
	// attempt bounds a connection that must open at once. Its SYN is repeated after one, three and seven seconds.
	attempt = 10 * time.Second
	// interval is the pause between two checks of a condition.
	interval = 50 * time.Millisecond
)

// started is what a row has started. Close ends it, the newest first.
type started struct {
	ends    []func()
	running sync.WaitGroup
}

// Close implements Sessions.
func (s *started) Close() {
	for len(s.ends) > 0 {
		last := len(s.ends) - 1
		s.ends[last]()
		s.ends = s.ends[:last]
	}
	s.running.Wait()
}

// Announce implements Sessions, for rows that have nothing to announce.
func (s *started) Announce(context.Context) error { return nil }

func (s *started) atEnd(end func()) { s.ends = append(s.ends, end) }

// closing closes c at the end.
func (s *started) closing(c io.Closer) { s.atEnd(func() { _ = c.Close() }) }

// start starts a command on a host. It runs until the end.
func (s *started) start(host endurance.Host, command *exec.Cmd) error {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := host.Start(command); err != nil {
		return fmt.Errorf("starting %s: %w", command.Path, err)
	}
	s.atEnd(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		_ = command.Wait() // It was killed.
	})
	return nil
}

// directory makes a folder, which is removed at the end.
func (s *started) directory(name string) (string, error) {
	directory, err := os.MkdirTemp("", name+"-")
	if err == nil {
		s.atEnd(func() { _ = os.RemoveAll(directory) })
	}
	return directory, err
}

// command runs a command on a host to its end, with words that spaces separate, and returns what it prints.
func command(host endurance.Host, line string) (string, error) {
	words := strings.Fields(line)
	run := exec.Command(words[0], words[1:]...)
	var out, problems bytes.Buffer
	run.Stdout, run.Stderr = &out, &problems
	err := host.Start(run)
	if err == nil {
		err = run.Wait()
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(problems.String()))
	}
	return out.String(), nil
}

// change runs a command on a host, and another one at the end.
func (s *started) change(host endurance.Host, line, undo string) error {
	_, err := command(host, line)
	s.atEnd(func() { _, _ = command(host, undo) }) // The host may be gone.
	return err
}

// address adds an address to a host.
func (s *started) address(host endurance.Host, address netip.Addr) error {
	line := address.String() + "/32 dev eth0"
	return s.change(host, "ip address replace "+line, "ip address delete "+line)
}

// filterARP adds a table to a host whose chain requests filters ARP requests. The host does not name its other
// addresses when it asks, since it would reveal those that do not answer.
func (s *started) filterARP(host endurance.Host, table, rules string) error {
	name := "table arp " + table
	chain := " { chain requests { type filter hook input priority 0; " + rules + " }; }"
	if err := s.change(host, "nft add "+name+chain, "nft delete "+name); err != nil {
		return err
	}
	const announce = "sysctl -qw net.ipv4.conf.eth0.arp_announce="
	return s.change(host, announce+"2", announce+"0")
}

// greet runs a server that accepts connections and closes them.
func (s *started) greet(ctx context.Context, host endurance.Host, at netip.AddrPort) error {
	return s.serve(ctx, host, at, func(net.Conn) {})
}

// serve runs a TCP server, which handles one connection after another and closes each.
func (s *started) serve(ctx context.Context, host endurance.Host, at netip.AddrPort, handle func(net.Conn)) error {
	listener, err := host.Listen(ctx, "tcp", at.String())
	if err != nil {
		return err
	}
	s.closing(listener)
	s.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			handle(conn)
			_ = conn.Close()
		}
	})
	return nil
}

// count begins a connection from a host on the LAN to a server on the WAN, which ends at the end.
func (s *started) count(ctx context.Context, site Site, server netip.AddrPort) (*endurance.CountingConnection, error) {
	c := &endurance.CountingConnection{
		Hosts: endurance.Hosts{Client: site.LAN, Server: site.WAN}, Server: server,
	}
	if err := c.Begin(ctx); err != nil {
		c.Close()
		return nil, err
	}
	s.atEnd(c.Close)
	return c, nil
}

// reach opens a TCP connection and closes it. Any source address is used if source is the zero Addr.
func reach(ctx context.Context, from endurance.Namespace, source netip.Addr, to netip.AddrPort) error {
	dialer := net.Dialer{Timeout: attempt}
	if source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	return namespace.Do(string(from), func() error {
		conn, err := dialer.DialContext(ctx, "tcp", to.String())
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// eventually waits until a check succeeds. The error has the last one of the check that was not cut short.
func eventually(ctx context.Context, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	return poll.Until(ctx, interval, what, func(ctx context.Context) error {
		err := check(ctx)
		if ctx.Err() == nil || err == nil {
			last = err
		}
		return last
	})
}

// grows waits until a count has grown.
func grows(ctx context.Context, what string, by uint64, count func() (uint64, error)) error {
	before, err := count()
	if err != nil {
		return err
	}
	return eventually(ctx, what, func(context.Context) error {
		now, err := count()
		if err != nil {
			return poll.Permanent(err)
		}
		if now < before+by {
			return fmt.Errorf("%d came, want %d", now-before, by)
		}
		return nil
	})
}
