package vm

import (
	"bufio"
	"fmt"
	"io"
)

// Types of files in an archive, as in the mode of a file.
const (
	typeDirectory = 0o040000
	typeDevice    = 0o020000 // a character device
	typeFile      = 0o100000
)

// entry is a file of an archive.
type entry struct {
	name string // without a leading slash
	mode uint32
	data []byte
	// major and minor identify a device.
	major, minor uint32
}

// writeArchive writes files in the format that the kernel unpacks as its first file system. That is the format "newc"
// of cpio, see Documentation/driver-api/early-userspace/buffer-format.rst of the kernel. A directory must come before
// its files.
func writeArchive(w io.Writer, entries []entry) error {
	out := bufio.NewWriter(w)
	for i, e := range append(entries, entry{name: "TRAILER!!!"}) {
		const links = 1
		header := []any{
			i + 1, e.mode, 0, 0, links, 0, len(e.data), 0, 0, e.major, e.minor, len(e.name) + 1, 0,
		}
		text := "070701"
		for _, field := range header {
			text += fmt.Sprintf("%08X", field)
		}
		text += e.name + "\x00"
		if err := writePadded(out, []byte(text)); err != nil {
			return err
		}
		if err := writePadded(out, e.data); err != nil {
			return err
		}
	}
	return out.Flush()
}

// writePadded writes bytes and fills them up to a multiple of four.
func writePadded(w io.Writer, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("writing an archive: %w", err)
	}
	if _, err := w.Write(make([]byte, -len(b)&3)); err != nil {
		return fmt.Errorf("writing an archive: %w", err)
	}
	return nil
}
