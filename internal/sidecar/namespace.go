package sidecar

import (
	"os"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
)

// reportGuard recognises a report that a firewall wrote in an earlier network namespace. When the sandbox of a pod is
// made again, its volumes stay and its rules are gone. The firewall's container may not start again.
type reportGuard struct {
	file      string
	namespace string
	// old is the report of the earlier namespace; nil if it had none.
	old os.FileInfo
	log logr.Logger
}

// newReportGuard compares the network namespace of this process with the one in the file, in which a report was
// believed last.
func newReportGuard(file, report string, log logr.Logger) *reportGuard {
	g := &reportGuard{file: file, log: log}
	if file == "" {
		return g
	}
	var err error
	if g.namespace, err = networkNamespace(); err != nil {
		log.Error(err, "Identifying the network namespace")
		return g
	}
	last, err := os.ReadFile(file)
	if err != nil || strings.TrimSpace(string(last)) == g.namespace {
		return g
	}
	if g.old, err = os.Stat(report); err == nil {
		log.Info("Ignoring the report of a firewall in an earlier network namespace", "file", report)
	}
	return g
}

// covers reports whether the report is still the one of an earlier namespace. It records the namespace once it is not.
func (g *reportGuard) covers(report string) bool {
	found, err := os.Stat(report)
	if err != nil {
		return false
	}
	if g.old != nil && os.SameFile(g.old, found) && g.old.ModTime().Equal(found.ModTime()) {
		return true
	}
	g.old = nil
	if g.namespace != "" {
		if err := os.WriteFile(g.file, []byte(g.namespace+"\n"), 0o600); err != nil {
			g.log.Error(err, "Recording the network namespace of the firewall's report")
		}
		g.namespace = ""
	}
	return false
}

// networkNamespace returns the number of the network namespace, which no other one has until the machine starts again.
func networkNamespace() (string, error) {
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(socket) }()
	cookie, err := unix.GetsockoptUint64(socket, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	return strconv.FormatUint(cookie, 16), err
}
