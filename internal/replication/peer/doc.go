// Package peer runs one session with the other unit: a TLS connection from the greeting until one side ends it. It
// reads and writes frames, sends pings, and notices a peer that has gone silent.
//
// It knows neither classes nor roles, and decides nothing about them. Package engine opens sessions and acts on the
// frames that arrive. Package sender supplies the frames of state.
package peer
