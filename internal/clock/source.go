package clock

import (
	"os"
	"slices"
	"strings"
)

// The files in which the kernel describes its clocks.
const (
	clockSourceFile = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
	processorFile   = "/proc/cpuinfo"
)

// kvmClock is the kernel's name of a clock source that is made of the counter.
const kvmClock = "kvm-clock"

// kernelClockSource returns what the kernel's clocks are made of; empty if that is unknown.
func kernelClockSource() string {
	text, err := os.ReadFile(clockSourceFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// isCounterUsable reports whether the counter runs at one rate and never stops. A processor may say so itself.
// Otherwise the kernel does: kvm-clock is the counter, scaled by the hypervisor, and a guest uses it just where the
// hypervisor hides that property (arch/x86/kernel/kvmclock.c).
func isCounterUsable(clockSource, processors string) bool {
	if !hasTicks {
		return false
	}
	return clockSource == kvmClock || hasFlags(processors, "constant_tsc", "nonstop_tsc")
}

// hasFlags reports whether the first processor of the kernel's list has all of the flags.
func hasFlags(processors string, flags ...string) bool {
	for line := range strings.Lines(processors) {
		name, value, found := strings.Cut(line, ":")
		if !found || strings.TrimSpace(name) != "flags" {
			continue
		}
		has := strings.Fields(value)
		return !slices.ContainsFunc(flags, func(f string) bool { return !slices.Contains(has, f) })
	}
	return false
}
