package endurance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"os/exec"
	"strings"
)

// FTP is a download with curl over FTP in extended passive mode. The control connection is silent while the file
// arrives on a data connection. It survives if the file is complete and the control connection then confirms that and
// still answers.
type FTP struct {
	Hosts Hosts
	// Server is the address of the control connection. The server chooses the ports of data connections.
	Server netip.AddrPort

	task
	transfer
}

// Begin implements Traffic.
func (f *FTP) Begin(ctx context.Context) error {
	ctx = f.withCancel(ctx)
	f.transfer = newTransfer('f')
	listener, err := f.Hosts.Server.Listen(ctx, "tcp", f.Server.String())
	if err != nil {
		return err
	}
	serve(ctx, &f.done, listener, func(conn net.Conn) {
		server := ftpServer{control: textproto.NewConn(conn), file: f.source, listen: func() (net.Listener, error) {
			return f.Hosts.Server.Listen(ctx, "tcp", netip.AddrPortFrom(f.Server.Addr(), 0).String())
		}}
		_ = server.serve(ctx) // the client detects a failure
	})
	if err := f.download(ctx, listener.Addr()); err != nil {
		return err
	}
	return f.await(ctx)
}

// download starts curl, and passes on what it receives. After the file, curl requests an answer with NOOP. Without
// messages of TCP that keep it alive, the control connection is silent.
func (f *FTP) download(ctx context.Context, from net.Addr) error {
	client := exec.CommandContext(ctx, "curl", "--disable", "--silent", "--show-error", "--no-buffer", "--no-keepalive",
		"--noproxy", "*", "--ignore-content-length", "--quote", "-NOOP", "ftp://"+from.String()+"/content")
	var problem strings.Builder
	client.Stderr = &problem
	output, err := client.StdoutPipe()
	if err != nil {
		return err
	}
	if err := f.Hosts.Client.Start(client); err != nil {
		return fmt.Errorf("starting curl: %w", err)
	}
	f.done.Go(func() {
		f.receive(func(sink io.Writer) error {
			_, err := io.Copy(sink, output)
			if err != nil {
				_ = client.Process.Kill() // it may wait for data that does not come
			}
			if exit := client.Wait(); exit != nil {
				err = errors.Join(err, fmt.Errorf("curl: %w: %s", exit, strings.TrimSpace(problem.String())))
			}
			return err
		})
	})
	return nil
}
