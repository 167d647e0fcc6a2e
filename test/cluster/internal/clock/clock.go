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
	// stopPoll is how often a process is asked whether it has stopped.
	stopPoll = 100 * time.Microsecond
	// stackDepth is how much of a stack is searched: more than a handler of Go's runtime has.
	stackDepth = 32 << 10
	// attempts bounds how often a process is stopped until none of its threads is in the function.
	attempts = 100
)

// errBusy says that a thread was in the function.
var errBusy = errors.New("a thread is asking for the time just now")

// Set makes a process see the wall clock off by so much, zero being the machine's own. The process is stopped for a
// moment. One that is gone, or maps no such function, is passed over.
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

// whileStopped acts on a process none of whose threads runs.
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

// stopped says which thread still runs, if any.
func stopped(pid int) error {
	return eachThread(pid, func(dir string) error {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			return err
		}
		// The state follows the name, which is in parentheses and may hold anything, see proc_pid_stat(5).
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

// overwrite puts code behind the kernel's functions, where there is room to the end of the page, and leads calls of the
// function there. Little is overwritten, so that threads which are in the midst of the function come to its end.
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
	// Where the jump is already, only the numbers in the code change: threads may be in the midst of it.
	if !bytes.HasPrefix(image[at:], jump) {
		if bytes.ContainsFunc(image[room:], func(b rune) bool { return b != 0 }) {
			return errors.New("there is no room behind the kernel's functions")
		}
		if err := eachThread(pid, func(dir string) error {
			return outside(dir, memory, begin+at+1, begin+at+uint64(len(jump)))
		}); err != nil {
			return err
		}
	}
	// The kernel lets even this memory be written for the sake of debuggers, and gives the process a copy of its own.
	_, err = memory.WriteAt(code, int64(begin+room))
	if err == nil {
		_, err = memory.WriteAt(jump, int64(begin+at))
	}
	if err != nil {
		return fmt.Errorf("overwriting %s: %w", symbol, err)
	}
	return nil
}

// mapping is where the kernel's functions are in a process.
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

// function is where the function begins in the image.
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

// outside makes sure that a stopped thread is not in some code, nor will return there from a signal that interrupted
// it. The file ends with the thread's stack pointer and where it is, see proc_pid_syscall(5).
func outside(dir string, memory io.ReaderAt, begin, end uint64) error {
	text, err := os.ReadFile(filepath.Join(dir, "syscall"))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 3 {
		return errBusy // it runs, or is on its way out
	}
	stack, stackErr := strconv.ParseUint(strings.TrimPrefix(fields[len(fields)-2], "0x"), 16, 63)
	at, atErr := strconv.ParseUint(strings.TrimPrefix(fields[len(fields)-1], "0x"), 16, 64)
	if err := errors.Join(stackErr, atErr); err != nil {
		return fmt.Errorf("reading where a thread is: %w", err)
	}
	words := make([]byte, stackDepth)
	n, err := memory.ReadAt(words, int64(stack)) // less, where the stack ends
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
