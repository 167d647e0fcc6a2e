package boot

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// consoleConnections bounds how many connections the console handles at once. Further ones wait.
const consoleConnections = 512

// openConsole returns the console's listener. Its socket was opened in the machine's network and stays there. So the
// machine reaches into the node from outside, even if the node is cut off from all others.
func openConsole() (net.Listener, error) {
	unix.CloseOnExec(ConsoleFile) // programs do not inherit it
	file := os.NewFile(ConsoleFile, "console")
	defer func() { _ = file.Close() }()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("opening the console: %w", err)
	}
	return listener, nil
}

// relay forwards connections to an address inside the node, for as long as the node lives.
func relay(console net.Listener, address string) {
	places := make(chan struct{}, consoleConnections)
	for {
		places <- struct{}{}
		client, err := console.Accept()
		if err != nil {
			log.Printf("Accepting a connection at the console: %v", err)
			<-places
			time.Sleep(restartDelay)
			continue
		}
		go func() {
			defer func() { <-places }()
			splice(client, address)
		}()
	}
}

// splice copies in both directions between a client and an address until both sides have ended.
func splice(client net.Conn, address string) {
	defer func() { _ = client.Close() }()
	server, err := net.DialTimeout("tcp", address, attemptTimeout)
	if err != nil {
		return // the client's connection closes, as with a server that is down
	}
	defer func() { _ = server.Close() }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		copyHalf(server, client)
	}()
	copyHalf(client, server)
	<-done
}

// copyHalf copies one direction and passes its end on.
func copyHalf(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
