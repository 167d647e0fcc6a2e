// Package manifests holds the objects that the test cluster has from the start, and applies them: the kind by which
// networks are defined, and what the plugin that attaches pods to them may read and write.
package manifests
