package ftp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance/ftp"
)

// connect starts a server with one file, and returns a client that has read the greeting.
func connect(t *testing.T, file io.Reader) *ftp.Client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	near, far := tcp(t)
	server := ftp.Server{
		User: "guest", Password: "secret",
		Listen: func(ctx context.Context) (net.Listener, error) {
			return (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		},
		Open: func(path string) (io.Reader, error) {
			if path != "file" {
				return nil, errors.New("no such file")
			}
			return file, nil
		},
	}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(ctx, far) })
	t.Cleanup(func() {
		cancel()
		_ = near.Close()
		done.Wait()
	})
	client, err := ftp.NewClient(near, (&net.Dialer{}).DialContext)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// tcp returns both ends of a connection with a deadline.
func tcp(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if near, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = near.Close() // a test may have closed them
		_ = far.Close()
	})
	if err := near.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return near, far
}

func TestRetrieve(t *testing.T) {
	const content = "some bytes\r\nand more\x00"
	client := connect(t, strings.NewReader(content))
	if err := client.LogIn("guest", "secret"); err != nil {
		t.Fatal(err)
	}
	data, err := client.Retrieve(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(data)
	if err != nil || string(got) != content {
		t.Errorf("%q, %v", got, err)
	}
	for _, step := range []func() error{client.Retrieved, client.Noop, client.Quit} {
		if err := step(); err != nil {
			t.Error(err)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		ask  func(t *testing.T, client *ftp.Client) error
		code string
	}{
		"a wrong password": {func(_ *testing.T, c *ftp.Client) error { return c.LogIn("guest", "guess") }, "530"},
		"another user":     {func(_ *testing.T, c *ftp.Client) error { return c.LogIn("root", "secret") }, "530"},
		"no login": {func(t *testing.T, c *ftp.Client) error {
			_, err := c.Retrieve(t.Context(), "file")
			return err
		}, "530"},
		"no such file": {func(t *testing.T, c *ftp.Client) error {
			if err := c.LogIn("guest", "secret"); err != nil {
				t.Fatal(err)
			}
			_, err := c.Retrieve(t.Context(), "another")
			return err
		}, "550"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := test.ask(t, connect(t, strings.NewReader("")))
			if err == nil || !strings.Contains(err.Error(), test.code) {
				t.Errorf("want %s, got: %v", test.code, err)
			}
		})
	}
}

func TestIncompleteFileIsReported(t *testing.T) {
	client := connect(t, io.MultiReader(strings.NewReader("some"), broken{}))
	if err := client.LogIn("guest", "secret"); err != nil {
		t.Fatal(err)
	}
	data, err := client.Retrieve(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(data); err != nil {
		t.Fatal(err)
	}
	if err := client.Retrieved(); err == nil || !strings.Contains(err.Error(), "426") {
		t.Errorf("want 426, got: %v", err)
	}
}

// broken is a file that cannot be read.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestAnswersWithoutAPort(t *testing.T) {
	for _, answer := range []string{
		"", "Entering", "(|||", "(||||)", "(|||0|)", "(|||65536|)", "(|||-1|)", "(|||21)", "(127,0,0,1,4,1)",
	} {
		t.Run(answer, func(t *testing.T) {
			near, far := tcp(t)
			if _, err := io.WriteString(far, "220 Ready\r\n229 "+answer+"\r\n"); err != nil {
				t.Fatal(err)
			}
			client, err := ftp.NewClient(near, func(context.Context, string, string) (net.Conn, error) {
				t.Error("the client opened a data connection")
				return nil, errors.New("unexpected call")
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Retrieve(t.Context(), "file"); err == nil {
				t.Error("accepted")
			}
		})
	}
}
