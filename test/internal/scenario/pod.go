package scenario

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/apimachinery/pkg/types"
)

// podProcess returns a process of a pod, found by the pod's cgroup. All nodes of the test cluster are on this machine.
func podProcess(uid types.UID) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // the process ended meanwhile
		}
		if bytes.Contains(content, []byte("pod"+string(uid))) {
			return strconv.Atoi(filepath.Base(filepath.Dir(file)))
		}
	}
	return 0, fmt.Errorf("no process of pod %s runs on this machine", uid)
}
