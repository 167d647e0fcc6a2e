package clock

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/poll"
)

const (
	// symbol is the function that is overwritten.
	symbol = "__vdso_clock_gettime"
	// stopPoll is the interval between two checks whether a process has stopped.
	stopPoll = 100 * time.Microsecond
	// stackDepth is how much of a stack is searched: more than a handler of Go's runtime uses.
	stackDepth = 32 << 10
	// attempts bounds how often a process is stopped until none of its threads is in the function.
	attempts = 100
)

// errBusy means that a thread was in the function.
var errBusy = errors.New("a thread is reading the time")

// Set sets the offset of the wall clock that a process sees. Zero is the machine's time. The process is stopped for a
// moment. Set ignores a process that has ended or maps no such function.
func Set(ctx context.Context, pid int, offset time.Duration) error {
	code, err := program(offset)
	if err != nil {
		return err
	}
	for range attempts {
		err = whileStopped(ctx, pid, func() error { return overwrite(pid, code) })
		if !errors.Is(err, errBusy) {
			break
		}
	}
	if gone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stepping the clock of process %d: %w", pid, err)
	}
	return nil
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}

// whileStopped runs act while no thread of a process runs.
func whileStopped(ctx context.Context, pid int, act func() error) (err error) {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(handle) }()
	if err := unix.PidfdSendSignal(handle, unix.SIGSTOP, nil, 0); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.PidfdSendSignal(handle, unix.SIGCONT, nil, 0)) }()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err = poll.Until(ctx, stopPoll, "its threads to stop", func(context.Context) error { return stopped(pid) })
	if err != nil {
		return err
	}
	return act()
}

// stopped returns an error that names a running thread, or nil.
func stopped(pid int) error {
	return eachThread(pid, func(dir string) error {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			return err
		}
		// The state follows the name, which is in parentheses and may contain anything, see proc_pid_stat(5).
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		switch {
		case len(fields) == 0:
			return fmt.Errorf("unknown format of stat: %q", stat)
		case slices.Contains([]string{"T", "t", "Z", "X"}, fields[0]):
			return nil
		default:
			return fmt.Errorf("thread %s is in state %s", filepath.Base(dir), fields[0])
		}
	})
}

func eachThread(pid int, visit func(dir string) error) error {
	root := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, thread := range threads {
		if err := visit(filepath.Join(root, thread.Name())); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// overwrite writes code behind the kernel's functions, up to the end of the page, and makes the function jump there. It
// changes few bytes, so that threads inside the function still reach its end.
func overwrite(pid int, code []byte) error {
	begin, end, found, err := mapping(pid)
	if err != nil || !found {
		return err
	}
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = memory.Close() }()
	image := make([]byte, end-begin)
	if _, err := memory.ReadAt(image, int64(begin)); err != nil {
		return fmt.Errorf("reading the kernel's functions: %w", err)
	}
	at, err := function(image)
	if err != nil {
		return err
	}
	room := uint64(len(image) - len(code))
	jump := jumpTo(at, room)
	// If the jump exists already, only the numbers in the code change, because threads may be inside it.
	if !bytes.HasPrefix(image[at:], jump) {
		if bytes.ContainsFunc(image[room:], func(b rune) bool { return b != 0 }) {
			return errors.New("there is no space behind the kernel's functions")
		}
		if err := eachThread(pid, func(dir string) error {
			return outside(dir, memory, begin+at+1, begin+at+uint64(len(jump)))
		}); err != nil {
			return err
		}
	}
	// For debuggers the kernel permits writing even to this memory, and gives the process its own copy.
	_, err = memory.WriteAt(code, int64(begin+room))
	if err == nil {
		_, err = memory.WriteAt(jump, int64(begin+at))
	}
	if err != nil {
		return fmt.Errorf("overwriting %s: %w", symbol, err)
	}
	return nil
}

// mapping returns where the kernel's functions are in a process.
func mapping(pid int) (begin, end uint64, found bool, err error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, false, err
	}
	defer func() { _ = maps.Close() }()
	scanner := bufio.NewScanner(maps)
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) != 6 || fields[5] != "[vdso]" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		begin, err = strconv.ParseUint(from, 16, 64)
		if err == nil {
			end, err = strconv.ParseUint(to, 16, 64)
		}
		return begin, end, err == nil, err
	}
	return 0, 0, false, scanner.Err()
}

// function returns the offset of the function in the image.
func function(image []byte) (uint64, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, fmt.Errorf("reading the kernel's functions: %w", err)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return 0, fmt.Errorf("reading the names of the kernel's functions: %w", err)
	}
	for _, s := range symbols {
		if s.Name == symbol && s.Value < uint64(len(image)) {
			return s.Value, nil
		}
	}
	return 0, fmt.Errorf("the kernel maps no %s", symbol)
}

// outside checks that a stopped thread is not in the code, and will not return there from a signal handler. The file
// ends with the thread's stack pointer and instruction pointer, see proc_pid_syscall(5).
func outside(dir string, memory io.ReaderAt, begin, end uint64) error {
	text, err := os.ReadFile(filepath.Join(dir, "syscall"))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 3 {
		return errBusy // it runs or ends
	}
	stack, stackErr := strconv.ParseUint(strings.TrimPrefix(fields[len(fields)-2], "0x"), 16, 63)
	at, atErr := strconv.ParseUint(strings.TrimPrefix(fields[len(fields)-1], "0x"), 16, 64)
	if err := errors.Join(stackErr, atErr); err != nil {
		return fmt.Errorf("reading the position of a thread: %w", err)
	}
	words := make([]byte, stackDepth)
	n, err := memory.ReadAt(words, int64(stack)) // fewer bytes at the end of the stack
	if n == 0 {
		return fmt.Errorf("reading a thread's stack: %w", err)
	}
	inside := begin <= at && at < end
	for word := words[:n]; !inside && len(word) >= 8; word = word[8:] {
		value := binary.NativeEndian.Uint64(word)
		inside = begin <= value && value < end
	}
	if inside {
		return errBusy
	}
	return nil
}
