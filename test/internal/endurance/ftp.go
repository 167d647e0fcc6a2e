package endurance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance/ftp"
)

const (
	ftpUser, ftpPassword = "guest", "guest@example.org"
	ftpFile              = "content"
)

// FTP is a download over FTP in extended passive mode. The control connection is silent while the file arrives on a
// data connection. It survives if the file is complete and the control connection then confirms that and still answers.
type FTP struct {
	Kind  string
	Hosts Hosts
	// Server is the address of the control connection. The server chooses the ports of data connections.
	Server netip.AddrPort

	task
	control  net.Conn
	client   *ftp.Client
	transfer *transfer
}

// Begin implements Traffic.
func (f *FTP) Begin(ctx context.Context) error {
	ctx = f.withCancel(ctx)
	f.transfer = newTransfer('f')
	for _, step := range []func(context.Context) error{f.connect, f.retrieve, f.transfer.await} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("%s: %w", f.Kind, err)
		}
	}
	return nil
}

// connect starts the server and logs in.
func (f *FTP) connect(ctx context.Context) error {
	listener, err := f.Hosts.Server.Listen(ctx, "tcp", f.Server.String())
	if err != nil {
		return err
	}
	server := ftp.Server{
		User: ftpUser, Password: ftpPassword,
		Listen: func(ctx context.Context) (net.Listener, error) {
			return f.Hosts.Server.Listen(ctx, "tcp", netip.AddrPortFrom(f.Server.Addr(), 0).String())
		},
		Open: func(path string) (io.Reader, error) {
			if path != ftpFile {
				return nil, fs.ErrNotExist
			}
			return f.transfer.source, nil
		},
	}
	serve(ctx, &f.done, listener, func(conn net.Conn) { _ = server.Serve(ctx, conn) }) // the client detects a failure
	if f.control, err = dial(ctx, f.Hosts.Client, listener.Addr()); err != nil {
		return err
	}
	f.done.Go(func() {
		<-ctx.Done()
		_ = f.control.Close()
	})
	return f.withDeadline(func() (err error) {
		if f.client, err = ftp.NewClient(f.control, f.Hosts.Client.Dial); err != nil {
			return err
		}
		return f.client.LogIn(ftpUser, ftpPassword)
	})
}

// retrieve requests the file and receives it.
func (f *FTP) retrieve(ctx context.Context) error {
	return f.withDeadline(func() error {
		dialing, cancel := context.WithTimeout(ctx, waitTimeout)
		defer cancel()
		data, err := f.client.Retrieve(dialing, ftpFile)
		if err != nil {
			return err
		}
		f.done.Go(func() {
			defer closeWith(ctx, data)()
			f.transfer.receive(data)
		})
		return nil
	})
}

// withDeadline runs requests on the control connection that must be answered in time.
func (f *FTP) withDeadline(do func() error) error {
	if err := f.control.SetDeadline(time.Now().Add(waitTimeout)); err != nil {
		return err
	}
	return errors.Join(do(), f.control.SetDeadline(time.Time{}))
}

// Reset implements Traffic.
func (f *FTP) Reset() { f.transfer.sink.reset() }

// Check implements Traffic.
func (f *FTP) Check(ctx context.Context) Report {
	report := Report{Kind: f.Kind}
	report.Err = f.transfer.finish(ctx, &report)
	if report.Err != nil {
		report.Err = fmt.Errorf("data connection: %w", report.Err)
		return report
	}
	err := f.withDeadline(func() error {
		for _, step := range []func() error{f.client.Retrieved, f.client.Noop, f.client.Quit} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		report.Err = fmt.Errorf("control connection: %w", err)
	}
	return report
}
