// Package cgroup gives the test cluster its own control group, with one below it for each host. With these, every
// process of the cluster can be found and ended, including those that other programs started.
//
// On version 1 the groups are below the caller's own in every hierarchy, so limits on the caller apply to the cluster
// too. On version 2 they are below the root, because a group with processes cannot delegate controllers to children.
// The project's own checks run version 1 only.
package cgroup
