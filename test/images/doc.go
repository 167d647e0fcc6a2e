// Package images tests images with daemons of Debian packages: it runs them with runc, as a node would, in a network
// namespace of their own. `make test-images` builds the images and calls it. It needs root.
package images
