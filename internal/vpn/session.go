package vpn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/strongswan/govici/vici"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

// session is a connection to charon's control socket.
type session struct {
	vici *vici.Session
	// listed receives the SAs of a list. They come before the answer to the command.
	listed chan vici.Event
}

const (
	// listEvent is what charon calls each SA of a list.
	listEvent = "list-sa"
	// maxListed is more SAs than charon has for all tunnels, with those that replace others.
	maxListed = 4096
)

func connect(ctx context.Context) (*session, error) {
	s, err := vici.NewSession(vici.WithAddr("unix", controlSocket), vici.WithDialContext(
		func(_ context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		}))
	if err != nil {
		return nil, fmt.Errorf("connecting to charon: %w", err)
	}
	if err := s.Subscribe(listEvent); err != nil {
		return nil, errors.Join(fmt.Errorf("asking charon for lists: %w", err), s.Close())
	}
	listed := make(chan vici.Event, maxListed)
	s.NotifyEvents(listed)
	return &session{s, listed}, nil
}

func (s *session) close() error { return s.vici.Close() }

// call sends a command. A refusal is charon's answer that it does not do it. The error is one of the connection.
func (s *session) call(ctx context.Context, command string, argument any) (refusal string, err error) {
	message, err := vici.MarshalMessage(argument)
	if err != nil {
		return "", fmt.Errorf("encoding the command %s: %w", command, err)
	}
	answer, err := s.vici.Call(ctx, command, message)
	if answer != nil && answer.Err() != nil {
		text, _ := answer.Get("errmsg").(string)
		return strings.TrimSpace(command + ": " + text), nil
	}
	if err != nil {
		return "", fmt.Errorf("sending the command %s to charon: %w", command, err)
	}
	return "", nil
}

// loadSecrets replaces all keys and certificates of charon. SAs that exist stay.
func (s *session) loadSecrets(ctx context.Context, c tunnels.Config) (refused []string, err error) {
	if _, err := s.call(ctx, "clear-creds", struct{}{}); err != nil {
		return nil, err
	}
	for _, shared := range c.Shared {
		refusal, err := s.call(ctx, "load-shared", shared)
		if err != nil {
			return refused, err
		}
		if refusal != "" {
			refused = append(refused, fmt.Sprintf("charon refuses the key %s: %s", shared.ID, refusal))
		}
	}
	for _, key := range c.Keys {
		refusal, err := s.call(ctx, "load-key", key)
		if err != nil {
			return refused, err
		}
		if refusal != "" {
			refused = append(refused, "charon refuses a private key: "+refusal)
		}
	}
	for _, authority := range c.Authorities {
		refusal, err := s.call(ctx, "load-cert", authority)
		if err != nil {
			return refused, err
		}
		if refusal != "" {
			refused = append(refused, "charon refuses the certificate of an authority: "+refusal)
		}
	}
	return refused, nil
}

// load loads a connection.
func (s *session) load(ctx context.Context, c tunnels.Connection) (refusal string, err error) {
	refusal, err = s.call(ctx, "load-conn", map[string]tunnels.Settings{c.Name: c.Settings})
	if refusal != "" {
		refusal = fmt.Sprintf("charon refuses tunnel %s: %s", c.Name, refusal)
	}
	return refusal, err
}

// remove removes a connection, and ends its SAs. The peer is told, if it can be reached.
func (s *session) remove(ctx context.Context, name string) error {
	_, unloadErr := s.call(ctx, "unload-conn", named{Name: name})
	_, endErr := s.call(ctx, "terminate", termination{IKE: name, Timeout: noWait})
	return errors.Join(unloadErr, endErr)
}

// end ends the SAs of a connection without waiting for the peer.
func (s *session) end(ctx context.Context, name string) error {
	_, err := s.call(ctx, "terminate", termination{IKE: name, Force: "yes", Timeout: noWait})
	return err
}

// endOne ends one IKE SA, and tells the peer.
func (s *session) endOne(ctx context.Context, id string) error {
	_, err := s.call(ctx, "terminate", termination{ID: id, Force: "yes", Timeout: noWait})
	return err
}

// initiate sets a tunnel up, and does not wait for it.
func (s *session) initiate(ctx context.Context, name string) error {
	_, err := s.call(ctx, "initiate", initiation{Child: name, IKE: name, Timeout: noWait})
	return err
}

// noWait as a timeout lets charon answer at once.
const noWait = "-1"

type named struct {
	Name string `vici:"name"`
}

type termination struct {
	IKE     string `vici:"ike"`
	ID      string `vici:"ike-id"`
	Force   string `vici:"force"`
	Timeout string `vici:"timeout"`
}

type initiation struct {
	Child   string `vici:"child"`
	IKE     string `vici:"ike"`
	Timeout string `vici:"timeout"`
}

// rekey requests new keys for the child of a connection, and does not wait for them.
func (s *session) rekey(ctx context.Context, name string) error {
	_, err := s.call(ctx, "rekey", rekeying{Child: name, IKE: name})
	return err
}

type rekeying struct {
	Child string `vici:"child"`
	IKE   string `vici:"ike"`
}

// sa is an IKE SA of charon.
type sa struct {
	// name is that of its connection.
	name  string
	id    string
	state string
	// user is the name that a user has proved.
	user string
	// children are the SPIs of its children in the direction to this unit, and toPeer are those in the other direction.
	children, toPeer []string
}

// sas are all IKE SAs of charon.
type sas []sa

// list returns the IKE SAs. The package's own reader of lists can take the answer before the last SAs, and leaves them
// for the next command.
func (s *session) list(ctx context.Context) (all sas, err error) {
	for len(s.listed) > 0 { // of a list that was given up
		<-s.listed
	}
	if _, err := s.vici.Call(ctx, "list-sas", nil); err != nil {
		return nil, fmt.Errorf("listing the SAs of charon: %w", err)
	}
	for len(s.listed) > 0 {
		message := (<-s.listed).Message
		for _, name := range message.Keys() {
			entry, ok := message.Get(name).(*vici.Message)
			if !ok {
				continue
			}
			text := func(key string) string {
				value, _ := entry.Get(key).(string)
				return value
			}
			all = append(all, sa{
				name: name, id: text("uniqueid"), state: text("state"), user: text("remote-eap-id"),
				children: spisOf(entry, "spi-in"), toPeer: spisOf(entry, "spi-out"),
			})
		}
	}
	return all, nil
}

// spisOf returns the SPIs of the children in one direction.
func spisOf(entry *vici.Message, direction string) (spis []string) {
	children, ok := entry.Get("child-sas").(*vici.Message)
	if !ok {
		return nil
	}
	for _, key := range children.Keys() {
		if child, ok := children.Get(key).(*vici.Message); ok {
			spi, _ := child.Get(direction).(string)
			spis = append(spis, spi)
		}
	}
	return spis
}

// isPresent reports whether a connection has an SA with a child, or is being set up.
func (all sas) isPresent(name string) bool {
	return slices.ContainsFunc(all, func(sa sa) bool {
		return sa.name == name && (sa.state != established && sa.state != "DELETING" || len(sa.children) > 0)
	})
}

// States of IKE SAs. A passive one waits for the unit to become active.
const (
	established = "ESTABLISHED"
	passive     = "PASSIVE"
)

// hasState reports whether an SA is in a state.
func (all sas) hasState(state string) bool {
	return slices.ContainsFunc(all, func(sa sa) bool { return sa.state == state })
}

// countTunnels returns how many SAs with other sites are in a state and have a child.
func (all sas) countTunnels(state string) (n int) {
	for _, sa := range all {
		if sa.state == state && len(sa.children) > 0 && sa.name != document.RemoteAccessName {
			n++
		}
	}
	return n
}

// outbound returns the SPIs of the children of a connection in the direction to the peer.
func (all sas) outbound(name string) (spis []string) {
	for _, sa := range all {
		if sa.name == name {
			spis = append(spis, sa.toPeer...)
		}
	}
	return spis
}

// children returns the SPIs of the children of a connection.
func (all sas) children(name string) map[string]bool {
	spis := map[string]bool{}
	for _, sa := range all {
		for _, spi := range sa.children {
			if sa.name == name {
				spis[spi] = true
			}
		}
	}
	return spis
}
