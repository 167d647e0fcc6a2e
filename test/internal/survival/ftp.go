package survival

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/hapair-io/hapair/test/internal/ftp"
)

const (
	// transferRate is in bytes a second. A running transfer must outlast the whole run.
	transferRate = 64 << 10
	// transferSize takes more than ten minutes.
	transferSize = 40 << 20
)

// shortFile is what the clients fetch at once.
var shortFile = bytes.Repeat([]byte("all work and no play\n"), 100)

// FTP has transfers with curl through every change of role, and data connections that were announced before one and are
// opened after it. The server is vsftpd.
type FTP struct {
	Site Site

	started
	transfers []*transfer
	sessions  []session
}

// session is a control connection that announces data connections in a mode.
type session struct {
	name   string
	client *ftp.Client
}

// Serve implements Sessions.
func (f *FTP) Serve(ctx context.Context) error {
	files := map[string][]byte{"long": longFile(), "short": shortFile}
	vsftpd, err := ftp.Serve(ctx, f.Site.WAN, transferRate, files)
	if err != nil {
		return err
	}
	f.closing(vsftpd)
	return nil
}

// Prepare implements Sessions.
func (f *FTP) Prepare(ctx context.Context) error {
	if f.sessions != nil {
		return nil
	}
	return f.open(ctx)
}

// Announce implements Sessions.
func (f *FTP) Announce(ctx context.Context) error {
	for _, s := range f.sessions {
		if err := s.client.Announce(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// open opens the control connections and begins the transfers.
func (f *FTP) open(ctx context.Context) error {
	for _, mode := range []struct {
		name                 string
		isActive, isExtended bool
	}{{"PASV", false, false}, {"EPSV", false, true}, {"PORT", true, false}, {"EPRT", true, true}} {
		c, err := ftp.Dial(ctx, f.Site.LAN, ftp.Mode{
			Server: server, IsActive: mode.isActive, IsExtended: mode.isExtended,
		})
		if err != nil {
			return fmt.Errorf("%s: %w", mode.name, err)
		}
		f.atEnd(c.Close)
		f.sessions = append(f.sessions, session{mode.name, c})
	}
	url := "ftp://" + netip.AddrPortFrom(server, ftp.Port).String() + "/long"
	for _, c := range []struct {
		name    string
		options []string
	}{{"passive", nil}, {"active", []string{"--ftp-port", "-"}}} {
		t, err := f.transfer(ctx, c.name, append(c.options, url)...)
		if err != nil {
			return fmt.Errorf("%s transfer: %w", c.name, err)
		}
		f.transfers = append(f.transfers, t)
	}
	return nil
}

// Check implements Sessions.
func (f *FTP) Check(ctx context.Context) []Proof {
	proofs := make([]Proof, 2*len(f.sessions)+len(f.transfers))
	var done sync.WaitGroup
	for i, s := range f.sessions {
		done.Go(func() {
			proofs[2*i] = Proof{
				What: s.name + " announced before, opened after", NeedsClass: true,
				Err: fetched(s.client.Fetch(ctx, "short")),
			}
			proofs[2*i+1] = Proof{
				What: s.name + " after, on the control connection from before",
				Err:  fetched(s.client.Transfer(ctx, "short")),
			}
		})
	}
	for i, t := range f.transfers {
		done.Go(func() {
			proofs[2*len(f.sessions)+i] = Proof{What: "running " + t.name + " transfer with curl", Err: t.continues(ctx)}
		})
	}
	done.Wait()
	return proofs
}

// fetched checks the content of the short file.
func fetched(content []byte, err error) error {
	if err == nil && !bytes.Equal(content, shortFile) {
		return fmt.Errorf("%d bytes of %d came, or others", len(content), len(shortFile))
	}
	return err
}
