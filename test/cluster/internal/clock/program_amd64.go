package clock

import (
	"encoding/binary"
	"time"
)

// program returns the machine code of clock_gettime(clock, timespec) with an offset. It makes the system call and adds
// to the result for CLOCK_REALTIME and CLOCK_REALTIME_COARSE. It adds seconds and nanoseconds separately and handles
// the carry, because callers rely on less than a second of nanoseconds.
func program(offset time.Duration) ([]byte, error) {
	seconds, nanoseconds := int64(offset/time.Second), int64(offset%time.Second)
	if nanoseconds < 0 {
		seconds, nanoseconds = seconds-1, nanoseconds+int64(time.Second)
	}
	code := []byte{
		0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, 228 (clock_gettime)
		0x0f, 0x05, // syscall: uses rdi and rsi unchanged, clobbers rcx and r11
		0x85, 0xff, // test edi, edi
		0x74, 0x05, // jz shift
		0x83, 0xff, 0x05, // cmp edi, 5
		0x75, 0x2f, // jne end
		// shift:
		0x48, 0xb9, // mov rcx, seconds
	}
	code = binary.LittleEndian.AppendUint64(code, uint64(seconds))
	code = append(code,
		0x48, 0x01, 0x0e, // add [rsi], rcx
		0x48, 0xc7, 0xc1, // mov rcx, nanoseconds
	)
	code = binary.LittleEndian.AppendUint32(code, uint32(nanoseconds))
	return append(code,
		0x48, 0x03, 0x4e, 0x08, // add rcx, [rsi+8]
		0x48, 0x81, 0xf9, 0x00, 0xca, 0x9a, 0x3b, // cmp rcx, 1000000000
		0x7c, 0x0a, // jl store
		0x48, 0x81, 0xe9, 0x00, 0xca, 0x9a, 0x3b, // sub rcx, 1000000000
		0x48, 0xff, 0x06, // inc qword [rsi]
		// store:
		0x48, 0x89, 0x4e, 0x08, // mov [rsi+8], rcx
		// end:
		0xc3, // ret
	), nil
}

// jumpTo returns the instruction at one address that jumps to another.
func jumpTo(from, to uint64) []byte {
	const size = 5
	return binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(to-from-size)) // jmp rel32
}
