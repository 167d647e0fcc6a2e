package conntrack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// sysctls is the directory of the timeouts, one file each. The kernel shows those of the reading thread's network
// namespace.
const sysctls = "/proc/sys/net/netfilter"

// Timeouts holds how long an entry of each protocol and state lives without a packet, in seconds.
type Timeouts struct {
	tcp                 [TCPSynSent2 + 1]uint32
	sctp                [9]uint32
	udp, udpStream      uint32
	gre, greStream      uint32
	icmp, icmpv6, other uint32
}

// ReadTimeouts reads the timeouts of this network namespace. A timeout that the kernel does not have keeps its default.
func ReadTimeouts() (Timeouts, error) {
	var t Timeouts
	var errs []error
	for _, s := range t.settings() {
		*s.value = s.fallback
		text, err := os.ReadFile(path.Join(sysctls, s.name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading conntrack timeout: %w", err))
			continue
		}
		seconds, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading conntrack timeout %s: %w", s.name, err))
			continue
		}
		*s.value = uint32(seconds)
	}
	t.tcp[TCPSynSent2] = t.tcp[TCPSynSent]
	return t, errors.Join(errs...)
}

type setting struct {
	value    *uint32
	name     string
	fallback uint32
}

// settings lists each timeout with its file and the kernel's default.
func (t *Timeouts) settings() []setting {
	return []setting{
		{&t.tcp[TCPSynSent], "nf_conntrack_tcp_timeout_syn_sent", 120},
		{&t.tcp[TCPSynRecv], "nf_conntrack_tcp_timeout_syn_recv", 60},
		{&t.tcp[TCPEstablished], "nf_conntrack_tcp_timeout_established", 432000},
		{&t.tcp[TCPFinWait], "nf_conntrack_tcp_timeout_fin_wait", 120},
		{&t.tcp[TCPCloseWait], "nf_conntrack_tcp_timeout_close_wait", 60},
		{&t.tcp[TCPLastAck], "nf_conntrack_tcp_timeout_last_ack", 30},
		{&t.tcp[TCPTimeWait], "nf_conntrack_tcp_timeout_time_wait", 120},
		{&t.tcp[TCPClose], "nf_conntrack_tcp_timeout_close", 10},
		{&t.sctp[1], "nf_conntrack_sctp_timeout_closed", 10},
		{&t.sctp[2], "nf_conntrack_sctp_timeout_cookie_wait", 3},
		{&t.sctp[3], "nf_conntrack_sctp_timeout_cookie_echoed", 3},
		{&t.sctp[4], "nf_conntrack_sctp_timeout_established", 210},
		{&t.sctp[5], "nf_conntrack_sctp_timeout_shutdown_sent", 3},
		{&t.sctp[6], "nf_conntrack_sctp_timeout_shutdown_recd", 3},
		{&t.sctp[7], "nf_conntrack_sctp_timeout_shutdown_ack_sent", 3},
		{&t.sctp[8], "nf_conntrack_sctp_timeout_heartbeat_sent", 30},
		{&t.udp, "nf_conntrack_udp_timeout", 30},
		{&t.udpStream, "nf_conntrack_udp_timeout_stream", 120},
		{&t.gre, "nf_conntrack_gre_timeout", 30},
		{&t.greStream, "nf_conntrack_gre_timeout_stream", 180},
		{&t.icmp, "nf_conntrack_icmp_timeout", 30},
		{&t.icmpv6, "nf_conntrack_icmpv6_timeout", 30},
		{&t.other, "nf_conntrack_generic_timeout", 600},
	}
}

// Of returns how many seconds an entry like f lives after a packet.
func (t Timeouts) Of(f *Flow) uint32 {
	assured := f.Status&StatusAssured != 0
	switch f.Orig.Protocol {
	case ProtocolTCP:
		if seconds := t.tcp[min(int(f.TCP.State), len(t.tcp)-1)]; seconds != 0 {
			return seconds
		}
		return t.other
	case ProtocolSCTP:
		if seconds := t.sctp[min(int(f.SCTP.State), len(t.sctp)-1)]; seconds != 0 {
			return seconds
		}
		return t.other
	case ProtocolUDP, ProtocolUDPLite:
		return choose(assured, t.udpStream, t.udp)
	case ProtocolGRE:
		return choose(assured, t.greStream, t.gre)
	case ProtocolICMP:
		return t.icmp
	case ProtocolICMPv6:
		return t.icmpv6
	default:
		return t.other
	}
}

func choose(first bool, a, b uint32) uint32 {
	if first {
		return a
	}
	return b
}
