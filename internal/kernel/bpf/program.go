package bpf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// MAC is an Ethernet address.
type MAC = [6]byte

const (
	// maximumAddresses bounds the unit's own addresses of one family. A pod has only a few.
	maximumAddresses = 4096
	// maximumMACs bounds the virtual MAC addresses. Each network has at most one.
	maximumMACs = 256
)

// Program is the gate's program in the kernel for both directions. All of its interfaces share one deadline. It is
// closed until a deadline is set.
type Program struct {
	state
	ingress, egress *ebpf.Program
	// short holds the programs of the shortcut. It is empty until the first shortcut is requested.
	short map[ebpf.AttachType]*ebpf.Program
	// shared is the memory with the deadline, which the kernel reads too.
	shared []byte
}

// Load loads the program into the kernel for a number of interfaces. ARP packets that arrive get the mark. It needs the
// capabilities BPF and NET_ADMIN, and Linux 5.8.
func Load(interfaces int, mark uint32) (p *Program, err error) {
	p = &Program{state: state{interfaces: interfaces, mark: mark}}
	defer func() {
		if err != nil {
			err = errors.Join(explain(err), p.Close())
			p = nil
		}
	}()
	if interfaces > MaximumInterfaces {
		return p, fmt.Errorf("loading the gate's program: %d interfaces are more than %d", interfaces, MaximumInterfaces)
	}
	raiseLockedMemory()
	if err := p.makeMaps(); err != nil {
		return p, err
	}
	if p.shared, err = unix.Mmap(p.permit.FD(), 0, os.Getpagesize(),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return p, fmt.Errorf("sharing the gate's deadline with the kernel: %w", err)
	}
	if p.ingress, err = load("hapair_ingress", ingress(p.state, noOpinion)); err != nil {
		return p, err
	}
	p.egress, err = load("hapair_egress", egress(p.state, noOpinion))
	return p, err
}

func load(name string, code asm.Instructions) (*ebpf.Program, error) {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.SchedCLS, License: "Apache-2.0", Instructions: code,
	})
	if err != nil {
		return nil, fmt.Errorf("loading the gate's program %s: %w", name, err)
	}
	return program, nil
}

func (p *Program) makeMaps() error {
	list := func(name string, key, entries uint32) *ebpf.MapSpec {
		return &ebpf.MapSpec{
			Name: name, Type: ebpf.Hash, KeySize: key, ValueSize: 1, MaxEntries: entries, Flags: unix.BPF_F_NO_PREALLOC,
		}
	}
	for _, m := range []struct {
		to   **ebpf.Map
		spec *ebpf.MapSpec
	}{
		{&p.permit, &ebpf.MapSpec{
			Name: "hapair_permit", Type: ebpf.Array, KeySize: 4, ValueSize: uint32(sharedLength), MaxEntries: 1,
			Flags: unix.BPF_F_MMAPABLE,
		}},
		{&p.own4, list("hapair_own4", 4, maximumAddresses)},
		{&p.own6, list("hapair_own6", 16, maximumAddresses)},
		{&p.virtualMACs, list("hapair_macs", 6, maximumMACs)},
	} {
		made, err := ebpf.NewMap(m.spec)
		if err != nil {
			return fmt.Errorf("making the gate's map %s: %w", m.spec.Name, err)
		}
		*m.to = made
	}
	return nil
}

// raiseLockedMemory raises the limit of locked memory. Maps count against it before Linux 5.11. Since then they count
// as memory of the container.
func raiseLockedMemory() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit) // after a failure, creating maps fails and reports why
	}
}

// explain adds the remedy to the kernel's error.
func explain(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w; the container needs the capabilities BPF and NET_ADMIN, a seccomp profile that allows bpf, "+
			"and no user namespace; before Linux 5.11 also a RLIMIT_MEMLOCK of 1 MiB", err)
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%w; the node's kernel is built without CONFIG_BPF_SYSCALL", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w; the gate's program needs Linux 5.8 or newer", err)
	default:
		return err
	}
}

// word returns one word of the shared memory. A store is atomic, so that a packet never sees half of it.
func (p *Program) word(at uintptr) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&p.shared[at]))
}

// SetDeadline moves the deadline on the boot clock. It holds for the next packet. Zero closes the gate.
func (p *Program) SetDeadline(until time.Duration) {
	p.word(deadlineAt).Store(uint64(max(until, 0)))
	if until <= 0 {
		p.word(closedForAt).Store(0)
	}
}

// Deadline returns the deadline that the program compares with the clock.
func (p *Program) Deadline() time.Duration { return time.Duration(p.word(deadlineAt).Load()) }

// SetInterfaces sets the interfaces with the program. Packets that arrived on them are not checked again on their way
// out. An interface must therefore have the program before it is set.
func (p *Program) SetInterfaces(indices []int) {
	for n := range p.interfaces {
		index := uint32(0)
		if n < len(indices) {
			index = uint32(indices[n])
		}
		(*atomic.Uint32)(unsafe.Pointer(&p.shared[interfacesAt+4*n])).Store(index)
	}
}

// Ingress returns the file descriptor and the kernel ID of the program for incoming packets.
func (p *Program) Ingress() (fd int, id uint32, err error) { return describe(p.ingress) }

// Egress returns the file descriptor and the kernel ID of the program for outgoing packets.
func (p *Program) Egress() (fd int, id uint32, err error) { return describe(p.egress) }

func describe(program *ebpf.Program) (fd int, id uint32, err error) {
	info, err := program.Info()
	if err != nil {
		return 0, 0, fmt.Errorf("asking for the gate's program: %w", err)
	}
	number, ok := info.ID()
	if !ok {
		return 0, 0, errors.New("asking for the gate's program: the kernel gives no number for it")
	}
	return program.FD(), uint32(number), nil
}

// SetOwnAddresses replaces the addresses of the unit itself, which stay reachable while the gate is closed. New ones
// are added before old ones are removed.
func (p *Program) SetOwnAddresses(addresses []netip.Addr) error {
	var own4, own6 [][]byte
	for _, a := range addresses {
		if a.Is4() {
			own4 = append(own4, a.AsSlice())
		} else {
			own6 = append(own6, a.AsSlice())
		}
	}
	if err := errors.Join(replace(p.own4, own4), replace(p.own6, own6)); err != nil {
		return fmt.Errorf("setting the addresses that the closed gate passes: %w", err)
	}
	return nil
}

// SetVirtualMACs replaces the MAC addresses from which nothing is sent while the gate is closed.
func (p *Program) SetVirtualMACs(macs []MAC) error {
	var keys [][]byte
	for _, m := range macs {
		keys = append(keys, m[:])
	}
	if err := replace(p.virtualMACs, keys); err != nil {
		return fmt.Errorf("setting the MAC addresses that the closed gate drops: %w", err)
	}
	return nil
}

// replace replaces the keys of the map.
func replace(m *ebpf.Map, keys [][]byte) error {
	wanted := map[string]bool{}
	for _, k := range keys {
		wanted[string(k)] = true
		if err := m.Put(k, []byte{1}); err != nil {
			return err
		}
	}
	var present [][]byte
	entries := m.Iterate()
	for {
		var key, value []byte
		if !entries.Next(&key, &value) {
			break
		}
		present = append(present, key)
	}
	if err := entries.Err(); err != nil {
		return err
	}
	for _, k := range present {
		if wanted[string(k)] {
			continue
		}
		if err := m.Delete(k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
	}
	return nil
}

// Check verifies that the program passes a test frame before the deadline and not after it. In a time namespace the
// clock of the deadlines can be ahead of the program's, so that the gate would close late. Check detects that. It
// leaves the program closed.
func (p *Program) Check(now func() time.Duration) error {
	defer p.SetDeadline(0)
	frame := make([]byte, 64)
	for _, try := range []struct {
		after time.Duration
		want  verdict
	}{{0, drop}, {time.Minute, noOpinion}} {
		p.SetDeadline(now() + try.after)
		got, err := p.ingress.Run(&ebpf.RunOptions{Data: frame})
		if err != nil {
			return fmt.Errorf("trying the gate's program: %w", err)
		}
		if verdict(got) != try.want {
			return fmt.Errorf("trying the gate's program: with a deadline %s from now the verdict is %d instead of %d; the "+
				"sidecar must not be in a time namespace", try.after, verdict(got), try.want)
		}
	}
	return nil
}

// Close closes the descriptors and memory of the process. The program stays on its interfaces with its last deadline.
func (p *Program) Close() error {
	var errs []error
	if p.shared != nil {
		errs = append(errs, unix.Munmap(p.shared))
		p.shared = nil
	}
	for _, m := range []*ebpf.Map{p.permit, p.own4, p.own6, p.virtualMACs} {
		errs = append(errs, m.Close()) // does nothing for a map that was not created
	}
	for _, program := range p.short {
		errs = append(errs, program.Close())
	}
	return errors.Join(append(errs, p.ingress.Close(), p.egress.Close())...)
}
