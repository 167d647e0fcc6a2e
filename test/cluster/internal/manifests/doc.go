// Package manifests applies the initial objects of the test cluster: the resource definition of networks, and the
// rights of the plugin that attaches pods to them.
package manifests
