package mroute

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The options and structures of linux/mroute6.h.
const (
	mrt6Init   = 200
	mrt6AddMIF = 202
	mrt6AddMFC = 204
	mrt6DelMFC = 205

	mrt6NoCache    = 1
	siocGetSGCntV6 = 0x89e1 // SIOCPROTOPRIVATE + 1

	sizeofSockaddr = 28
	sizeofMF6C     = 2*sizeofSockaddr + 4 + 32
	icmp6Filter    = 1
)

// mldTypes are the types of ICMPv6 messages that the router receives (RFC 2710, RFC 3810).
var mldTypes = []int{130, 131, 132, 143}

// allRouters6 and allMLDv2Routers are the groups to which hosts send done messages and reports.
var (
	allRouters6     = netip.MustParseAddr("ff02::2").As16()
	allMLDv2Routers = netip.MustParseAddr("ff02::16").As16()
)

type ipv6 struct{}

func (ipv6) open() (int, error) {
	return unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMPV6)
}

func (ipv6) prepare(fd int) error {
	filter := make([]byte, 32) // struct icmp6_filter: a set bit blocks a type
	for i := range filter {
		filter[i] = 0xff
	}
	for _, t := range mldTypes {
		word := filter[t/32*4:]
		binary.NativeEndian.PutUint32(word, binary.NativeEndian.Uint32(word)&^(1<<(t%32)))
	}
	if err := setBytes(fd, unix.IPPROTO_ICMPV6, icmp6Filter, filter); err != nil {
		return err
	}
	for option, value := range map[int]int{
		mrt6Init: 1, unix.IPV6_RECVPKTINFO: 1, unix.IPV6_MULTICAST_LOOP: 0, unix.IPV6_MULTICAST_HOPS: 1,
	} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, option, value); err != nil {
			return err
		}
	}
	// Next header, length, the router alert of MLD (RFC 2711), and padding.
	const hopOptions = "\x00\x00\x05\x02\x00\x00\x01\x00"
	return unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, hopOptions)
}

func (ipv6) join(fd, index int) error {
	for _, group := range [][16]byte{allRouters6, allMLDv2Routers} {
		membership := &unix.IPv6Mreq{Multiaddr: group, Interface: uint32(index)}
		if err := unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, membership); err != nil {
			return err
		}
	}
	return nil
}

// addInterface passes struct mif6ctl.
func (ipv6) addInterface(fd, number, index int) error {
	mif := make([]byte, 12)
	binary.NativeEndian.PutUint16(mif, uint16(number))
	mif[3] = 1 // threshold
	binary.NativeEndian.PutUint16(mif[4:], uint16(index))
	return setBytes(fd, unix.IPPROTO_IPV6, mrt6AddMIF, mif)
}

// putSockaddr writes struct sockaddr_in6.
func putSockaddr(b []byte, a netip.Addr) {
	binary.NativeEndian.PutUint16(b, unix.AF_INET6)
	copy(b[8:], a.AsSlice())
}

// mf6c returns struct mf6cctl.
func mf6c(r Route) []byte {
	b := make([]byte, sizeofMF6C)
	putSockaddr(b, r.Source)
	putSockaddr(b[sizeofSockaddr:], r.Group)
	binary.NativeEndian.PutUint16(b[2*sizeofSockaddr:], uint16(r.In))
	set := b[2*sizeofSockaddr+4:]
	for _, out := range r.Out {
		word := set[out/32*4:]
		binary.NativeEndian.PutUint32(word, binary.NativeEndian.Uint32(word)|1<<(out%32))
	}
	return b
}

func (ipv6) setRoute(fd int, r Route) error {
	return setBytes(fd, unix.IPPROTO_IPV6, mrt6AddMFC, mf6c(r))
}

func (ipv6) removeRoute(fd int, r Route) error {
	return setBytes(fd, unix.IPPROTO_IPV6, mrt6DelMFC, mf6c(r))
}

// packets passes struct sioc_sg_req6.
func (ipv6) packets(fd int, r Route) (uint64, error) {
	var request [2*sizeofSockaddr + 24]byte
	putSockaddr(request[:], r.Source)
	putSockaddr(request[sizeofSockaddr:], r.Group)
	err := ioctl(fd, siocGetSGCntV6, unsafe.Pointer(&request[0]))
	return binary.NativeEndian.Uint64(request[2*sizeofSockaddr:]), err
}

// parse decodes a message of ICMPv6. That of a missing route is struct mrt6msg, whose type is zero.
func (ipv6) parse(data, oob []byte, from unix.Sockaddr) (Packet, bool) {
	if len(data) < 8 {
		return Packet{}, false
	}
	if data[0] == 0 {
		if len(data) < 40 || data[1] != mrt6NoCache {
			return Packet{}, false
		}
		return Packet{
			Missing: true, In: int(binary.NativeEndian.Uint16(data[2:])),
			Source: netip.AddrFrom16([16]byte(data[8:])), Group: netip.AddrFrom16([16]byte(data[24:])),
		}, true
	}
	sender, ok := from.(*unix.SockaddrInet6)
	if !ok {
		return Packet{}, false
	}
	return Packet{
		Source: netip.AddrFrom16(sender.Addr), Payload: data,
		Interface: interfaceOf(oob, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, 16),
	}, true
}

func (ipv6) send(fd, index int, source, to netip.Addr, payload []byte) error {
	info := &unix.Inet6Pktinfo{Ifindex: uint32(index)}
	if source.Is6() {
		info.Addr = source.As16()
	}
	return unix.Sendmsg(fd, payload, unix.PktInfo6(info), &unix.SockaddrInet6{Addr: to.As16(), ZoneId: uint32(index)}, 0)
}
