package ftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/poll"
)

// Port is that of control connections.
const Port = 21

// startTimeout bounds the start of the server.
const startTimeout = 10 * time.Second

// settings of vsftpd. Sessions may be idle for long, and a data connection fails after ten seconds.
const settings = `listen=NO
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
connect_timeout=10
accept_timeout=10
idle_session_timeout=3600
data_connection_timeout=3600
`

// Server is vsftpd.
type Server struct {
	directory string
	command   *exec.Cmd
}

// Serve starts vsftpd on a host, with files that anyone may read. Rate bounds a transfer in bytes a second; 0 does not.
// It returns when the server listens. Close ends it.
func Serve(ctx context.Context, host endurance.Host, rate int, files map[string][]byte) (*Server, error) {
	s := &Server{}
	err := s.prepare(rate, files)
	if err == nil {
		err = s.start(ctx, host)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting vsftpd: %w", err), s.Close())
	}
	return s, nil
}

// prepare writes the files and the settings.
func (s *Server) prepare(rate int, files map[string][]byte) (err error) {
	if s.directory, err = os.MkdirTemp("", "vsftpd-"); err != nil {
		return err
	}
	root, empty := filepath.Join(s.directory, "files"), filepath.Join(s.directory, "empty")
	// The server reads as another user.
	err = errors.Join(os.Chmod(s.directory, 0o755), os.Mkdir(root, 0o755), os.Mkdir(empty, 0o755))
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(root, name), content, 0o644))
	}
	return errors.Join(err, os.WriteFile(s.settings(), fmt.Appendf(nil, settings, root, rate, empty), 0o600))
}

func (s *Server) settings() string { return filepath.Join(s.directory, "vsftpd.conf") }

// start runs the server and waits until it listens.
func (s *Server) start(ctx context.Context, host endurance.Host) error {
	command := exec.Command("vsftpd", s.settings())
	// Each session is a process of its own, which does not end with the server.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var problems strings.Builder
	command.Stdout, command.Stderr = &problems, &problems
	if err := host.Start(command); err != nil {
		return err
	}
	s.command = command
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return poll.Until(ctx, 10*time.Millisecond, "the server to listen", func(ctx context.Context) error {
		conn, err := host.Dial(ctx, "tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(Port)))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// Close ends the server with its sessions, and removes its files.
func (s *Server) Close() error {
	if s.command != nil {
		_ = syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL)
		_ = s.command.Wait() // It was killed.
	}
	if err := os.RemoveAll(s.directory); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
