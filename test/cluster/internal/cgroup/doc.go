// Package cgroup gives the test cluster a control group of its own, with one below it for each host, and so the means
// to find and end every process that belongs to it, whoever started it.
//
// On version 1 the groups lie below the caller's own, in every hierarchy, so that limits on the caller hold for the
// cluster too. On version 2 they lie below the root, since a group with processes cannot hand controllers to children.
// Only version 1 is run by the project's own checks.
package cgroup
