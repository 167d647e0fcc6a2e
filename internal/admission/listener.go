package admission

import "net"

// Bound returns a listener that holds at most limit connections. Beyond it, a new connection displaces the oldest one,
// which is closed.
func Bound(listener net.Listener, limit int) net.Listener {
	return &bounded{Listener: listener, places: NewPlaces(limit)}
}

// bounded is a listener whose connections have places.
type bounded struct {
	net.Listener
	places *Places
}

// Accept waits for the next connection.
func (b *bounded) Accept() (net.Conn, error) {
	connection, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &placed{Conn: connection, place: b.places.Take(connection)}, nil
}

// placed is a connection that leaves its place when it is closed.
type placed struct {
	net.Conn
	place *Place
}

// Close closes the connection.
func (c *placed) Close() error {
	c.place.Leave()
	return c.Conn.Close()
}

// NetConn returns the connection that was accepted, as that of crypto/tls does.
func (c *placed) NetConn() net.Conn { return c.Conn }
