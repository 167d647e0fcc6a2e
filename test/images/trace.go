package images

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// call matches a system call of strace with a path: its path and its result.
var call = regexp.MustCompile(`^\d+ +\w+\((?:AT_FDCWD, )?"([^"]*)".*\) += (-?\w+)( ENOENT)?`)

// Missing returns what a traced daemon looked for in vain and needs: files that a package has, and libraries that were
// found in no directory. Inside are the paths of all files of the packages.
func Missing(trace string, inside []string) []string {
	files := map[string]bool{}
	for _, file := range inside {
		files[file] = true
	}
	failed, opened := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(trace) {
		match := call.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		if file := path.Clean(match[1]); match[3] != "" {
			failed[file] = true
		} else if !strings.HasPrefix(match[2], "-") {
			opened[path.Base(file)] = true
		}
	}
	var missing []string
	for file := range failed {
		merged := file
		if strings.HasPrefix(file, "/lib/") || strings.HasPrefix(file, "/bin/") || strings.HasPrefix(file, "/sbin/") {
			merged = "/usr" + file
		}
		isLibrary := strings.Contains(path.Base(file), ".so") && !strings.HasPrefix(file, "/etc/")
		if files[merged] || isLibrary && !opened[path.Base(file)] {
			missing = append(missing, file)
		}
	}
	slices.Sort(missing)
	return missing
}
