package document

import (
	"slices"
	"strings"
)

// Helper is a part of the kernel's connection tracking, or of the firewall, that reads the control connections of a
// protocol. It announces the data connections that these agree on, and translates the addresses in them.
type Helper string

// The helpers.
const (
	// HelperFTP reads the commands PORT, PASV, EPRT and EPSV (RFC 959, RFC 2428).
	HelperFTP Helper = "FTP"
	// HelperSIP reads the session descriptions of calls (RFC 3261).
	HelperSIP Helper = "SIP"
	// HelperH323 reads Q.931 over TCP and RAS over UDP (ITU-T H.323).
	HelperH323 Helper = "H323"
	// HelperRTSP reads the replies to SETUP (RFC 2326).
	HelperRTSP Helper = "RTSP"
	// HelperSQLNet reads redirects of Oracle listeners.
	HelperSQLNet Helper = "SQLNet"
	// HelperRealAudio reads the ports of RealAudio clients (PNA).
	HelperRealAudio Helper = "RealAudio"
	// HelperNone reads nothing.
	HelperNone Helper = "None"
)

func (Helper) known() []string {
	return []string{
		string(HelperFTP), string(HelperSIP), string(HelperH323), string(HelperRTSP), string(HelperSQLNet),
		string(HelperRealAudio), string(HelperNone),
	}
}

// protocols returns the protocols that the helper reads.
func (h Helper) protocols() []Protocol {
	switch h {
	case HelperFTP, HelperRTSP, HelperSQLNet, HelperRealAudio:
		return []Protocol{TCP}
	case HelperSIP, HelperH323:
		return []Protocol{TCP, UDP}
	default:
		return nil
	}
}

// portFTP is the port of FTP's control connections (RFC 959).
const portFTP = 21

// ActiveHelper returns the helper of the service's connections; HelperNone if they have none. It is the service's own,
// or FTP for exactly TCP port 21.
func (s Service) ActiveHelper() Helper {
	switch {
	case s.Helper != "":
		return s.Helper
	case s.Protocol == TCP && slices.Equal(s.Ports, []PortRange{{First: portFTP, Last: portFTP}}):
		return HelperFTP
	default:
		return HelperNone
	}
}

// checkHelper reports a helper that cannot read the service's connections.
func (c *checker) checkHelper(at path, s Service) {
	switch protocols := s.Helper.protocols(); {
	case s.Helper == "" || s.Helper == HelperNone:
	case !slices.Contains(protocols, s.Protocol):
		c.problems.add(at, "%s does not run over %s, but over %s; change the protocol, or leave the field out",
			s.Helper, s.Protocol, either(protocols))
	case len(s.Ports) == 0:
		c.problems.add(at, "%s would read the connections of all ports; name the ports of its control connections", s.Helper)
	}
}

// either returns protocols as alternatives.
func either(protocols []Protocol) string {
	names := make([]string, 0, len(protocols))
	for _, p := range protocols {
		names = append(names, string(p))
	}
	return strings.Join(names, " or ")
}
