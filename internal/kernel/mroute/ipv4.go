package mroute

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The options and structures of linux/mroute.h.
const (
	mrtInit   = 200
	mrtAddVIF = 202
	mrtAddMFC = 204
	mrtDelMFC = 205

	vifUseIndex  = 0x8
	igmpNoCache  = 1
	siocGetSGCnt = 0x89e1 // SIOCPROTOPRIVATE + 1

	sizeofMFC = 60
)

// allRouters and allV3Routers are the groups to which hosts send leaves and reports.
var allRouters, allV3Routers = [4]byte{224, 0, 0, 2}, [4]byte{224, 0, 0, 22}

type ipv4 struct{}

func (ipv4) open() (int, error) {
	return unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_IGMP)
}

func (ipv4) prepare(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, mrtInit, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, 0xc0); err != nil {
		return err
	}
	const routerAlert = "\x94\x04\x00\x00" // RFC 2113
	return unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_OPTIONS, routerAlert)
}

func (ipv4) join(fd, index int) error {
	for _, group := range [][4]byte{allRouters, allV3Routers} {
		membership := &unix.IPMreqn{Multiaddr: group, Ifindex: int32(index)}
		if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, membership); err != nil {
			return err
		}
	}
	return nil
}

// addInterface passes struct vifctl.
func (ipv4) addInterface(fd, number, index int) error {
	vif := make([]byte, 16)
	binary.NativeEndian.PutUint16(vif, uint16(number))
	vif[2], vif[3] = vifUseIndex, 1 // flags, threshold
	binary.NativeEndian.PutUint32(vif[8:], uint32(index))
	return setBytes(fd, unix.IPPROTO_IP, mrtAddVIF, vif)
}

// mfc returns struct mfcctl.
func mfc(r Route) []byte {
	b := make([]byte, sizeofMFC)
	copy(b, r.Source.AsSlice())
	copy(b[4:], r.Group.AsSlice())
	binary.NativeEndian.PutUint16(b[8:], uint16(r.In))
	for _, out := range r.Out {
		b[10+out] = 1 // the lowest TTL that is forwarded, less one
	}
	return b
}

func (ipv4) setRoute(fd int, r Route) error { return setBytes(fd, unix.IPPROTO_IP, mrtAddMFC, mfc(r)) }

func (ipv4) removeRoute(fd int, r Route) error {
	return setBytes(fd, unix.IPPROTO_IP, mrtDelMFC, mfc(r))
}

// packets passes struct sioc_sg_req.
func (ipv4) packets(fd int, r Route) (uint64, error) {
	var request [32]byte
	copy(request[:], r.Source.AsSlice())
	copy(request[4:], r.Group.AsSlice())
	err := ioctl(fd, siocGetSGCnt, unsafe.Pointer(&request[0]))
	return binary.NativeEndian.Uint64(request[8:]), err
}

// parse decodes an IP packet. That of a missing route is struct igmpmsg, whose protocol is zero.
func (ipv4) parse(data, oob []byte, from unix.Sockaddr) (Packet, bool) {
	if len(data) < 20 {
		return Packet{}, false
	}
	source, group := netip.AddrFrom4([4]byte(data[12:])), netip.AddrFrom4([4]byte(data[16:]))
	if data[9] == 0 {
		return Packet{Missing: true, Source: source, Group: group, In: int(data[10])}, data[8] == igmpNoCache
	}
	header := int(data[0]&0xf) * 4
	if data[9] != unix.IPPROTO_IGMP || header < 20 || header > len(data) {
		return Packet{}, false
	}
	return Packet{
		Source: source, Interface: interfaceOf(oob, unix.IPPROTO_IP, unix.IP_PKTINFO, 0), Payload: data[header:],
	}, true
}

func (ipv4) send(fd, index int, source, to netip.Addr, payload []byte) error {
	info := &unix.Inet4Pktinfo{Ifindex: int32(index)}
	if source.Is4() {
		info.Spec_dst = source.As4()
	}
	return unix.Sendmsg(fd, payload, unix.PktInfo4(info), &unix.SockaddrInet4{Addr: to.As4()}, 0)
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
