package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/bpf"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/namespace"
)

var keep []*ebpf.Program

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func rx() uint64 {
	var n uint64
	must(namespace.Do(namespace.Named("gb-s"), func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for _, l := range strings.Split(string(b), "\n") {
			f := strings.Fields(l)
			if len(f) > 3 && f[0] == "wan0:" {
				n, err = strconv.ParseUint(f[2], 10, 64)
				return err
			}
		}
		return fmt.Errorf("none")
	}))
	return n
}

func main() {
	p, err := bpf.Load()
	must(err)
	p.SetDeadline(1e6 * time.Hour)
	mk := func(code ...asm.Instruction) int {
		code = append(code, asm.Mov.Imm(asm.R0, -1), asm.Return())
		p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SchedCLS, License: "GPL", Instructions: code})
		must(err)
		keep = append(keep, p)
		return p.FD()
	}
	empty, coarse, jiff, boot := mk(), mk(asm.FnKtimeGetCoarseNs.Call()), mk(asm.FnJiffies64.Call()), mk(asm.FnKtimeGetBootNs.Call())
	var k *rtnetlink.Conn
	must(namespace.Do(namespace.Named("gb-r"), func() (err error) { k, err = rtnetlink.Dial(); return }))
	i, _, _ := p.Ingress()
	e, _, _ := p.Egress()
	put := func(d rtnetlink.Direction, fd int) {
		for _, n := range []string{"lan0", "wan0"} {
			l, err := k.Link(n)
			must(err)
			must(k.SetFilter(l.Index, d, rtnetlink.Filter{Name: "x", Program: fd}))
		}
	}
	_, _ = i, e
	off := func() {
		for _, n := range []string{"lan0", "wan0"} {
			l, err := k.Link(n)
			must(err)
			must(k.RemoveFilter(l.Index, rtnetlink.Ingress))
			must(k.RemoveFilter(l.Index, rtnetlink.Egress))
		}
	}
	sink, err := func() (c net.PacketConn, err error) {
		err = namespace.Do(namespace.Named("gb-s"), func() error {
			c, err = (&net.ListenConfig{}).ListenPacket(context.Background(), "udp4", "10.2.0.2:9")
			return err
		})
		return
	}()
	must(err)
	sink.(*net.UDPConn).SetReadBuffer(1)
	var src net.PacketConn
	must(namespace.Do(namespace.Named("gb-c"), func() error {
		c, err := (&net.ListenConfig{}).ListenPacket(context.Background(), "udp4", "10.1.0.2:1234")
		src = c
		return err
	}))
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(1)
	must(unix.SchedSetaffinity(0, &set))
	pc := ipv4.NewPacketConn(src)
	ms := make([]ipv4.Message, 64)
	for i := range ms {
		ms[i].Buffers = [][]byte{make([]byte, 18)}
		ms[i].Addr = &net.UDPAddr{IP: net.IPv4(10, 2, 0, 2), Port: 9}
	}
	cpu := func() time.Duration {
		var ts unix.Timespec
		must(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts))
		return time.Duration(ts.Nano())
	}
	round := func(d time.Duration) (wall, perCPU float64) {
		r0, t0, c0 := rx(), time.Now(), cpu()
		for time.Since(t0) < d {
			for range 2 {
				_, err := pc.WriteBatch(ms, 0)
				must(err)
			}
		}
		dt, dc := time.Since(t0), cpu()-c0
		n := float64(rx() - r0)
		return n / dt.Seconds(), n / dc.Seconds()
	}
	type variant struct {
		name string
		on   func()
		r    []float64
	}
	var ls []link.Link
	tcx := func(fd *ebpf.Program, at ebpf.AttachType) {
		must(namespace.Do(namespace.Named("gb-r"), func() error {
			for _, n := range []string{"lan0", "wan0"} {
				l, err := k.Link(n)
				must(err)
				x, err := link.AttachTCX(link.TCXOptions{Interface: l.Index, Program: fd, Attach: at})
				must(err)
				ls = append(ls, x)
			}
			return nil
		}))
	}
	tc := off
	off = func() {
		for _, l := range ls { must(l.Close()) }
		ls = nil
		tc()
	}
	emptyP, bootP, jiffP := keep[0], keep[3], keep[2]
	vs := []*variant{
		{name: "none", on: off},
		{name: "empty clsact", on: func() { put(rtnetlink.Ingress, empty); put(rtnetlink.Egress, empty) }},
		{name: "empty tcx", on: func() { tcx(emptyP, ebpf.AttachTCXIngress); tcx(emptyP, ebpf.AttachTCXEgress) }},
		{name: "boot clsact", on: func() { put(rtnetlink.Ingress, boot); put(rtnetlink.Egress, boot) }},
		{name: "boot tcx", on: func() { tcx(bootP, ebpf.AttachTCXIngress); tcx(bootP, ebpf.AttachTCXEgress) }},
		{name: "boot+empty clsact", on: func() { put(rtnetlink.Ingress, boot); put(rtnetlink.Egress, empty) }},
		{name: "boot+empty tcx", on: func() { tcx(bootP, ebpf.AttachTCXIngress); tcx(emptyP, ebpf.AttachTCXEgress) }},
		{name: "jiff tcx", on: func() { tcx(jiffP, ebpf.AttachTCXIngress); tcx(jiffP, ebpf.AttachTCXEgress) }},
		{name: "gate clsact", on: func() { put(rtnetlink.Ingress, i); put(rtnetlink.Egress, e) }},
	}
	_, _ = coarse, jiff
	for range 300 {
		for _, v := range vs {
			off()
			v.on()
			_, c := round(150 * time.Millisecond)
			v.r = append(v.r, 1e9/c)
		}
	}
	off()
	for _, v := range vs {
		runtime.KeepAlive(p)
		sort.Float64s(v.r)
		fmt.Printf("%-16s %.0f ns (%.0f %.0f min %.0f) %.4f\n", v.name, v.r[150], v.r[30], v.r[75], v.r[0], vs[0].r[30]/v.r[30])
	}
}
