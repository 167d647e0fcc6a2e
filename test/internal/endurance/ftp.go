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

// FTP is a download over FTP in extended passive mode: a control connection that is silent while the file comes on a
// data connection. It survives if the file came whole, and if the control connection then gives the server's word for
// that and goes on to answer.
type FTP struct {
	Kind  string
	Hosts Hosts
	// Server is where the control connection goes. Data connections go to ports of the server's choice.
	Server netip.AddrPort

	task
	control  net.Conn
	client   *ftp.Client
	transfer *transfer
}

// Begin implements Traffic.
func (f *FTP) Begin(ctx context.Context) error {
	ctx = f.under(ctx)
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
	serve(ctx, &f.done, listener, func(conn net.Conn) { _ = server.Serve(ctx, conn) }) // what goes wrong, the client sees
	if f.control, err = dial(ctx, f.Hosts.Client, listener.Addr()); err != nil {
		return err
	}
	f.done.Go(func() {
		<-ctx.Done()
		_ = f.control.Close()
	})
	return f.asking(func() (err error) {
		if f.client, err = ftp.NewClient(f.control, f.Hosts.Client.Dial); err != nil {
			return err
		}
		return f.client.LogIn(ftpUser, ftpPassword)
	})
}

// retrieve asks for the file, and takes what comes of it.
func (f *FTP) retrieve(ctx context.Context) error {
	return f.asking(func() error {
		dialing, cancel := context.WithTimeout(ctx, patience)
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

// asking does something on the control connection that must be answered in time.
func (f *FTP) asking(do func() error) error {
	if err := f.control.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return errors.Join(do(), f.control.SetDeadline(time.Time{}))
}

// Forget implements Traffic.
func (f *FTP) Forget() { f.transfer.sink.forget() }

// Check implements Traffic.
func (f *FTP) Check(ctx context.Context) Report {
	report := Report{Kind: f.Kind}
	report.Err = f.transfer.finish(ctx, &report)
	if report.Err != nil {
		report.Err = fmt.Errorf("data connection: %w", report.Err)
		return report
	}
	err := f.asking(func() error {
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
